"""A run that dies loses at most its last batch, and the next run lands exactly what is missing."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dlt_pipelines import backfill
from dlt_pipelines.core.progress import Silent
from dlt_pipelines.rest import page_loader
from replay.server import ReplayServer
from tests.conftest import Warehouse
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import Ingest
from warehouse import embedded
from warehouse.errors import OperationFailed
from warehouse.project import PROJECT

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

LAST_CLOSED = NOW.replace(second=0)
START = LAST_CLOSED - timedelta(hours=60)
SYMBOLS = ("BTC/USDT", "ETH/BTC")

# A backfill in small batches that kills itself at a point given on its input. Importing takes longer than landing, so
# one process imports and forks for each run; it prints how the fork ended.
DYING_RUNS = f"""
import os, signal, sys, threading
from datetime import datetime
import ccxt.async_support, dlt, dlt.destinations
from dlt_pipelines import backfill
from dlt_pipelines.core.progress import Silent
from dlt_pipelines.planning import universe
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.rest import run as rest_run
from warehouse.settings import Settings

rest_run.BATCH_PAGES = 7

def die(): os.kill(os.getpid(), signal.SIGKILL)

class Dying(Silent):
    fetches = landings = 0
    def fetched(self, page):
        self.fetches += 1
        if moment == "fetched" and self.fetches == int(number): die()
    def landed(self, venue, pages, rows):
        self.landings += 1
        if moment == "landed" and self.landings == int(number): die()
        if moment == "loading" and self.landings == 1: threading.Timer(float(number), die).start()

def run():
    settings = Settings.load()
    selection = Selection(datasets=("bars",), symbols={SYMBOLS!r}, markets=("spot",))
    start = datetime.fromisoformat({START.isoformat()!r})
    plan = backfill.plan(settings, universe.load(settings.universe), selection, start, pace=None)
    backfill.run(plan, Dying(), pace=None)

for line in sys.stdin:
    moment, number = line.strip().split(":")
    pid = os.fork()
    if not pid:
        run()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class DyingRuns:
    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", DYING_RUNS],
            cwd=PROJECT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(self, moment: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(moment + "\n")
        self._process.stdin.flush()

    def ended(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def run(self, moment: str) -> int:
        self.start(moment)
        return self.ended()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def dying(ingest_warehouse: Warehouse, replay_server: ReplayServer) -> Iterator[DyingRuns]:
    runs = DyingRuns({**os.environ, **replay_server.environment, "MDW_HOME": str(ingest_warehouse.settings.home)})
    yield runs
    runs.close()


@pytest.mark.parametrize(
    "moment", ["fetched:1", "fetched:9", "landed:1", "landed:3", "loading:0.05", "loading:0.2", "loading:0.35"]
)
def test_after_a_kill_one_more_run_has_everything(ingest: Ingest, dying: DyingRuns, moment: str) -> None:
    assert dying.run(moment) == -signal.SIGKILL

    report = ingest.backfill(start=START, datasets=("bars",), symbols=SYMBOLS, markets=("spot",))

    assert report.complete
    for venue in ("binance", "okx", "bybit"):
        for symbol in SYMBOLS:
            truth = ingest.true_bars(venue, "spot", symbol, "1m", START, LAST_CLOSED)
            landed = ingest.landed_bars(venue, "spot", symbol, "1m")
            assert sorted(set(landed)) == truth, (venue, symbol)
    again = ingest.backfill(start=START, datasets=("bars",), symbols=SYMBOLS, markets=("spot",))
    assert again.pages == 0
    left = [path.name for path in (ingest.settings.home / "dlt").iterdir()]
    assert left == []


def test_what_had_landed_before_the_kill_is_not_asked_for_again(ingest: Ingest, dying: DyingRuns) -> None:
    dying.run("landed:3")
    (before,) = ingest.warehouse.rows("select count() from ops.coverage")
    planned = ingest.plan(start=START, datasets=("bars",), symbols=SYMBOLS, markets=("spot",)).calls
    everything = ingest.plan(start=START, datasets=("bars",), symbols=SYMBOLS, markets=("spot",), refetch=True).calls

    assert before[0] >= 21
    assert planned == everything - before[0]


def test_two_backfills_of_one_window_at_once_disturb_nothing(ingest: Ingest, dying: DyingRuns) -> None:
    plan = ingest.plan(start=START, datasets=("bars",), symbols=("BTC/USDT",), markets=("spot",))
    other = threading.Thread(target=ingest.land, args=(plan,))
    dying.start("never:0")
    other.start()
    other.join(120)

    assert dying.ended() == 0
    truth = ingest.true_bars("okx", "spot", "BTC/USDT", "1m", START, LAST_CLOSED)
    assert sorted(set(ingest.landed_bars("okx", "spot", "BTC/USDT", "1m"))) == truth


def test_clickhouse_that_comes_back_during_a_run_takes_the_rest(ingest: Ingest) -> None:
    plan = ingest.plan(start=START, datasets=("bars",), symbols=("BTC/USDT",), markets=("spot",))

    class PowerCut(Silent):
        cut = False

        def fetched(self, page: object) -> None:
            if not self.cut:
                self.cut = True
                ingest.warehouse.kill()
                threading.Timer(2, embedded.up, (ingest.warehouse.settings,)).start()

    report = backfill.run(plan, PowerCut(), pace=None)

    assert report.complete
    truth = ingest.true_bars("bybit", "spot", "BTC/USDT", "1m", START, LAST_CLOSED)
    assert sorted(set(ingest.landed_bars("bybit", "spot", "BTC/USDT", "1m"))) == truth


def test_clickhouse_that_stays_unreachable_is_one_clear_error(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_loader, "INSERT_ATTEMPTS", 2)
    plan = ingest.plan(hours=1, datasets=("bars",), venues=("okx",))
    ingest.warehouse.kill()
    try:
        with pytest.raises(OperationFailed, match="ClickHouse did not accept the pages of okx"):
            ingest.land(plan)
    finally:
        embedded.up(ingest.warehouse.settings)
