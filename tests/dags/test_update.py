"""A complete run of `market_data_update`, with a landing killed midway (the build: test_runs.py)."""

import re

import pytest

from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.dags.airflow_home import Airflow, Run
from tests.dags.commands import mark_absent
from tests.dags.conftest import NOW, SEED, START

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

SNAPSHOT = "auto-20250701T002030Z"


@pytest.fixture(scope="module")
def run(line: Airflow) -> Run:
    kill = {"MDW_TEST_KILL": "update --venue binance", "MDW_TEST_KILL_REQUESTS": "8"}
    killed = Airflow(line.home, line.pipeline | kill)
    return killed.test_dag("market_data_update", NOW.isoformat(), *mark_absent())


def test_it_succeeds_after_one_more_try_of_what_was_killed(run: Run):
    assert run.state == "success", run.log
    tasks = run.tasks
    # No tries if the command does not exist yet.
    assert tasks.pop("watch")[0] == "success"
    assert tasks == {
        "migrate": ("success", 1),
        "land_binance": ("success", 2),
        "land_okx": ("success", 1),
        "land_alternative_me": ("success", 1),
        "build": ("success", 1),
        "all_clear": ("success", 1),
    }
    assert "killed by SIGKILL" in run.log


def test_the_log_of_the_build_tells_each_node_as_it_ends(run: Run):
    assert re.search(r"\d+ of \d+ OK created sql versioned model `marts`\.`bars`", run.log)
    assert re.search(r"\d+ of \d+ PASS bars_ohlc_invariants", run.log)
    assert "OK created sql registry model `marts`.`snapshots`" in run.log


def test_the_publication_is_an_event_that_names_the_snapshot(run: Run):
    *_, event = run.events
    assert event["snapshot_id"] == SNAPSHOT
    assert event["data_version"] >= 1


@pytest.mark.parametrize("timeframe", ["1m", "1h"])
@pytest.mark.parametrize(("venue", "symbol"), [("binance", "BTC/USDT"), ("binance", "ETH/USDT"), ("okx", "BTC/USDT")])
def test_the_snapshot_holds_each_bar_once(run: Run, dag_warehouse: Warehouse, venue: str, symbol: str, timeframe: str):
    window = (int(START.timestamp() * 1000), int(NOW.timestamp() * 1000))
    step = {"1m": 60_000, "1h": 3_600_000}[timeframe]
    truth = [
        (bar.open_time, float(bar.close))
        for bar in SyntheticMarket(SEED).bars(venue, "spot", symbol, timeframe, *window)
        if bar.open_time + step <= window[1]
    ]
    assert truth
    rows = dag_warehouse.rows(
        "select toUnixTimestamp64Milli(open_time), close from marts.v_bars_at(snapshot_id = {s:String}) "
        "where instrument_id = {i:String} and timeframe = {t:String} order by open_time",
        s=SNAPSHOT,
        i=f"{venue}:spot:{symbol}",
        t=timeframe,
    )
    assert rows == truth
