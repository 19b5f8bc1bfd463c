"""A timeframe is built by one entry (dlt_pipelines/timeframes.py); what repeats the list must not stay behind."""

import inspect
import re

from alphaforge_data import timeframes
from dlt_pipelines.timeframes import TIMEFRAMES
from mdw.metrics import reading
from warehouse.settings import PROJECT

QUARANTINE = (PROJECT / "dbt_project" / "macros" / "audits" / "quarantine.sql").read_text()


def test_quarantine_holds_every_timeframe() -> None:
    listed = set(re.findall(r"'(\w+)'", QUARANTINE.split("standing.timeframe = '', [")[1].split("]")[0]))
    assert listed == set(TIMEFRAMES)


def test_the_sdk_takes_lengths_from_the_name() -> None:
    assert {name: timeframes.length(name) for name in TIMEFRAMES} == TIMEFRAMES


def test_metrics_take_the_list_itself() -> None:
    assert "'1m'" not in inspect.getsource(reading)
