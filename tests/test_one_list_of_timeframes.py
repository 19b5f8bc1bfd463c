"""A timeframe is added in one place (docs/adding_a_timeframe.md): nothing else repeats the list."""

import re

import yaml

from alphaforge_data import timeframes
from dlt_pipelines.core.time_grid import TIMEFRAMES
from dlt_pipelines.venues import bybit, coinbase, okx
from mdw.quality.freshness import thresholds
from replay import market
from warehouse.project import PROJECT

VARIABLES = yaml.safe_load((PROJECT / "dbt_project" / "dbt_project.yml").read_text())["vars"]
# A list such as `'1m', '1h'` or `"1m": 60_000, "1h"`; a comparison of two timeframes is not a list.
LISTED = re.compile(r"""(["'])\d+[mhd]\1[^\n]{0,12}, *\1\d+[mhd]\1""")
FOLDERS = ("alphaforge_data", "dags", "dbt_project/macros", "dbt_project/models", "dlt_pipelines", "mdw", "warehouse")
# A type for editors, which the SDK does not check against.
OF_EDITORS = ["alphaforge_data/timeframes.py"]


def test_no_other_file_lists_timeframes() -> None:
    assert VARIABLES["timeframes"] == TIMEFRAMES
    listing = [
        str(file.relative_to(PROJECT))
        for folder in FOLDERS
        for file in (PROJECT / folder).rglob("*.*")
        if file.suffix in (".py", ".sql") and LISTED.search(file.read_text())
    ]
    assert listing == OF_EDITORS


def test_each_has_a_threshold_of_its_own() -> None:
    assert {f"return_warn_{name}" for name in TIMEFRAMES} <= set(thresholds())


def test_the_sdk_takes_lengths_from_the_name() -> None:
    assert {name: timeframes.length(name) for name in TIMEFRAMES} == TIMEFRAMES


def test_every_venue_offers_each() -> None:
    assert set(TIMEFRAMES) <= set(okx._BARS)
    assert set(TIMEFRAMES) <= set(bybit._INTERVALS)
    assert {ms // 1000 for ms in TIMEFRAMES.values()} <= set(coinbase._GRANULARITIES)
    assert {name: market.TIMEFRAMES.get(name) for name in TIMEFRAMES} == TIMEFRAMES
