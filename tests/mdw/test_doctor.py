"""`mdw doctor`: one line a check, and what to do where one fails."""

import json
import os
import subprocess
import sys

import pytest

from replay.clock import Clock
from replay.faults import Faults
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from warehouse.settings import PROJECT


def doctor(environment: dict[str, str]) -> tuple[int, dict[str, dict[str, str]]]:
    ended = subprocess.run(
        [sys.executable, "-m", "mdw", "doctor", "--json"],
        env={**os.environ, **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, {found["check"]: found for found in json.loads(ended.stdout)}


@pytest.fixture(scope="module")
def venues():
    with ReplayServer(SyntheticMarket(seed=1), clock=Clock.real()) as server:
        yield server


def test_all_is_well(module_warehouse: Warehouse, venues: ReplayServer):
    code, found = doctor({**module_warehouse.environment, **venues.environment})
    assert code == 0, found
    for check in ("clickhouse", "migrations", "rights of ingest", "binance spot", "okx spot", "bybit spot", "alternative_me"):
        assert found[check]["state"] == "ok"


def test_a_region_that_a_venue_does_not_serve(module_warehouse: Warehouse, venues: ReplayServer):
    before, venues.faults = venues.faults, Faults(rate=1.0, kinds=("451",))
    try:
        code, found = doctor({**module_warehouse.environment, **venues.environment})
    finally:
        venues.faults = before
    assert code == 1
    assert found["binance spot"]["state"] == "fail"
    assert "run from a region that it serves" in found["binance spot"]["do"]


def test_a_clock_that_is_an_hour_off_is_a_warning(module_warehouse: Warehouse, venues: ReplayServer):
    venues.clock.advance(3600)
    try:
        code, found = doctor({**module_warehouse.environment, **venues.environment})
    finally:
        venues.clock.advance(-3600)
    assert code == 0
    assert (found["bybit spot"]["state"], "+36" in found["bybit spot"]["says"]) == ("warn", True)


def test_before_the_first_up(venues: ReplayServer, tmp_path):
    code, found = doctor({"MDW_HOME": str(tmp_path / "new"), **venues.environment})
    assert code == 1
    assert "mdw up" in found["clickhouse"]["says"]
