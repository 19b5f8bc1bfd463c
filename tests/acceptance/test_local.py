"""`mdw acceptance --local`, as `make acceptance` calls it on a machine that has only a checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mdw.acceptance.local_airflow import LocalAirflow
from tests.needs import missing
from warehouse.project import PROJECT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2400)]


def test_a_deployment_made_here_is_met_as_far_as_it_can_be_looked_at(tmp_path: Path):
    if not LocalAirflow(tmp_path).installed:
        missing("airflow", "no Airflow environment: `make airflow` builds it in .venv-airflow (needs Python 3.12)")
    ended = subprocess.run(
        [sys.executable, "-m", "mdw", "acceptance", "--local", "--json"],
        cwd=PROJECT,
        env={**os.environ, "MDW_HOME": str(tmp_path / "mdw")},
        capture_output=True,
        text=True,
        timeout=2300,
    )
    assert ended.stdout, ended.stderr
    criteria = {one["number"]: one for one in json.loads(ended.stdout)["criteria"]}
    states = {number: one["state"] for number, one in criteria.items()}
    assert [states[number] for number in range(1, 7)] == ["in part", "met", "met", "met", "met", "met"], criteria
    assert "of the last 2 scheduled runs succeeded" in json.dumps(criteria[3])
    # Nothing keeps running.
    assert not [line for line in processes() if str(tmp_path) in line]


def processes() -> list[str]:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
