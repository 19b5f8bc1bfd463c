"""A timeframe is built by one entry (dlt_pipelines/core/time_grid.py); what repeats the list must not stay behind."""

import inspect
import re

from alphaforge_data import timeframes
from dlt_pipelines.core.time_grid import TIMEFRAMES
from dlt_pipelines.venues import bybit, okx
from mdw.metrics import reading
from replay import market
from warehouse.settings import PROJECT

QUARANTINE = (PROJECT / "dbt_project" / "macros" / "audits" / "quarantine.sql").read_text()


def test_quarantine_holds_every_timeframe() -> None:
    listed = set(re.findall(r"'(\w+)'", QUARANTINE.split("standing.timeframe = '', [")[1].split("]")[0]))
    assert listed == set(TIMEFRAMES)


def test_the_sdk_takes_lengths_from_the_name() -> None:
    assert {name: timeframes.length(name) for name in TIMEFRAMES} == TIMEFRAMES


def test_metrics_take_the_list_itself() -> None:
    assert "'1m'" not in inspect.getsource(reading)


def test_dbt_knows_the_length_of_every_timeframe() -> None:
    """Else its bars would have no close_time; the audit bars_known_timeframe would find them only after they landed."""
    parse = (PROJECT / "dbt_project" / "macros" / "staging" / "parse.sql").read_text()
    names, lengths = re.findall(r"\[(.*?)\]", next(line for line in parse.splitlines() if "transform(" in line))
    known = dict(zip(re.findall(r"'(\w+)'", names), map(int, lengths.split(",")), strict=True))
    assert {name: known.get(name) for name in TIMEFRAMES} == TIMEFRAMES


def test_venues_that_write_timeframes_their_own_way_know_every_one() -> None:
    assert set(TIMEFRAMES) <= set(okx._BARS)
    assert set(TIMEFRAMES) <= set(bybit._INTERVALS)
    assert {name: market.TIMEFRAMES.get(name) for name in TIMEFRAMES} == TIMEFRAMES
