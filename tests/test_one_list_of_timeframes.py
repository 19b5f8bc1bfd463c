"""A timeframe is built by one entry (dlt_pipelines/timeframes.py); what repeats the list must not stay behind."""

import inspect
import re

import pytest

from alphaforge_data import arguments
from dlt_pipelines.timeframes import TIMEFRAMES
from mdw.metrics import reading
from warehouse.settings import PROJECT

QUARANTINE = (PROJECT / "dbt_project" / "macros" / "audits" / "quarantine.sql").read_text()
LISTS = {
    # It installs alone, and so cannot import ours.
    "alphaforge_data": set(arguments.TIMEFRAMES),
    "quarantine.sql": set(re.findall(r"'(\w+)'", QUARANTINE.split("standing.timeframe = '', [")[1].split("]")[0])),
}


@pytest.mark.parametrize("name", LISTS)
def test_it_holds_every_timeframe(name: str) -> None:
    assert LISTS[name] == set(TIMEFRAMES)


def test_lengths_are_the_same() -> None:
    lengths = {name: int(length.total_seconds() * 1000) for name, length in arguments.TIMEFRAMES.items()}
    assert lengths == TIMEFRAMES


def test_metrics_take_the_list_itself() -> None:
    assert "'1m'" not in inspect.getsource(reading)
