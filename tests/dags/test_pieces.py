"""The parts of the DAGs that are independent of Airflow, in the pipeline's own Python."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from dlt_pipelines.planning.universe import load
from tests.dags.airflow_home import DAGS
from warehouse.project import PROJECT


@pytest.fixture(autouse=True)
def _dag_folder_on_the_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(DAGS))


@pytest.fixture
def process() -> ModuleType:
    from market_data import process

    return process


def test_the_dags_see_the_universe_that_mdw_sees():
    from market_data import universe

    ours, theirs = universe.load(), load(PROJECT / "config" / "universe.yml")
    # A DAG has the instruments of a venue as one part, regardless of markets.
    wanted = dict.fromkeys(
        (s.dataset, s.venue, "" if s.dataset == "instruments" else s.market, s.symbol, s.timeframe)
        for s in theirs.series()
    )
    assert [tuple(vars(part).values()) for part in ours.parts] == list(wanted)
    assert (ours.update, ours.daily) == (theirs.schedule.update, theirs.schedule.daily)


def test_a_universe_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from market_data import universe

    monkeypatch.setenv("MDW_UNIVERSE", str(tmp_path / "nowhere.yml"))
    with pytest.raises(RuntimeError, match=r"nowhere\.yml cannot be read .* set MDW_UNIVERSE"):
        universe.load()
    (tmp_path / "nowhere.yml").write_text("bars: [BTC/USDT]")
    with pytest.raises(RuntimeError, match=r"nowhere\.yml is not a universe file"):
        universe.load()


@pytest.mark.parametrize(
    ("code", "document", "verdict"),
    [
        (0, {"published": True}, "DONE"),
        (1, {"failures": [{"name": "bars_ohlc", "rows": 3, "message": "…"}]}, "GIVE_UP"),
        (1, {"failures": [{"name": "dbt", "rows": 0, "message": "connection refused"}]}, "RETRY"),
        (1, {"failures": [{"subject": "binance", "kind": "429", "message": "…"}]}, "RETRY"),
        (1, None, "RETRY"),
        (2, None, "GIVE_UP"),
        (-9, None, "RETRY"),
    ],
)
def test_what_is_worth_another_try(process: ModuleType, code: int, document: object, verdict: str):
    assert process.CallResult(code, document).verdict.name == verdict


def program(tmp_path: Path, text: str) -> str:
    script = tmp_path / "program.py"
    script.write_text(text)
    return f"{sys.executable} {script}"


def test_messages_arrive_and_json_comes_back(process: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = "import sys, json; sys.stderr.write('17 pages\\n'); print('hello'); print(json.dumps(sys.argv[1:]))"
    monkeypatch.setenv("MDW_BIN", program(tmp_path, text))
    said: list[str] = []
    arguments = ["sql", "a b; $(touch x) 'c'"]
    ended = process.Call(arguments, {}).wait(said.append)
    assert (ended.code, ended.document) == (0, arguments)
    assert sorted(said) == ["17 pages", "hello"]


def test_stopping_a_call_stops_what_it_started(process: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, file=sys.stderr, flush=True)
child.wait()
"""
    monkeypatch.setenv("MDW_BIN", program(tmp_path, text))
    call = process.Call(["build"], {})
    child = psutil.Process(int(call._process.stderr.readline()))
    call.stop()
    assert call.wait(print).code < 0
    for _ in range(100):
        if not child.is_running() or child.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail("the child still runs")


def test_pools_are_a_file_that_airflow_imports():
    pools = json.loads((DAGS / "pools.json").read_text())
    venues = {series.venue for series in load(PROJECT / "config" / "universe.yml").series()}
    assert set(pools) == {"mdw_writer", "mdw_migrations", *(f"mdw_venue_{venue}" for venue in venues)}


def test_airflow_needs_no_package_of_ours_to_ask_the_release():
    """Without site-packages: MWAA parses DAG files in an environment that lacks everything of requirements/main.txt."""
    code = "import sys; sys.path[:0] = ['dags']; from market_data import release; print(release.archive_delays())"
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.strip() == "{'binance': 1, 'okx': 2}", ended.stderr
