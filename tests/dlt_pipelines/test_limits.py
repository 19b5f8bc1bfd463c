"""Landing at the documented rate, against venues that enforce their documented limits."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dlt_pipelines import backfill
from dlt_pipelines.core.endpoint import Budget
from dlt_pipelines.core.progress import LandingReport
from dlt_pipelines.http.rate_limiter import RateLimiter
from dlt_pipelines.http.shared_limits import LimitShare
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.planning.universe import load
from mdw.console.landing_view import LimitUse
from replay.clock import Clock
from replay.faults import Faults
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import settings_for
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def strict(synthetic: SyntheticMarket) -> Iterator[ReplayServer]:
    with ReplayServer(synthetic, clock=Clock.fixed(NOW), limits=True) as server:
        yield server


def settings_of(warehouse: Warehouse, server: ReplayServer) -> Settings:
    return settings_for(server, warehouse.settings.home)


def land_at_pace(settings: Settings, days: float, **selection: tuple[str, ...]) -> LandingReport:
    start = NOW - timedelta(days=days)
    plan = backfill.plan(settings, load(settings.universe), Selection(**selection), start, refetch=True)
    return backfill.run(plan)


def test_a_backfill_at_pace_breaks_no_limit_and_uses_them(ingest_warehouse: Warehouse, strict: ReplayServer) -> None:
    # OKX is the bottleneck: 90 calls for the minutes of its 6 symbols, 20 in 2 seconds.
    report = land_at_pace(settings_of(ingest_warehouse, strict), 3)

    assert report.complete
    assert strict.journal.violations == {}
    assert not report.faults
    assert report.pages > 100


def test_a_venue_that_counts_calls_by_the_second(
    ingest_warehouse: Warehouse, strict: ReplayServer, tmp_path: Path
) -> None:
    universe = tmp_path / "universe.yml"
    universe.write_text(
        "{version: 1, history: {start: 2025-01-01T00:00:00Z}, timeframes: [1m], bars: {coinbase: {spot: [BTC/USDT]}}}"
    )
    strict.journal.clear()
    settings = settings_for(strict, ingest_warehouse.settings.home, universe=universe)
    report = backfill.run(backfill.plan(settings, load(universe), start=NOW - timedelta(days=10)))
    assert report.complete
    assert report.pages > 48
    assert (strict.journal.violations, dict(report.faults)) == ({}, {})


def test_two_runs_at_once_share_the_limits(ingest_warehouse: Warehouse, strict: ReplayServer) -> None:
    strict.journal.clear()
    settings = settings_of(ingest_warehouse, strict)
    narrowed = {"datasets": ("bars",), "timeframes": ("1m",), "markets": ("spot",)}
    reports: list[LandingReport] = []
    runs = [threading.Thread(target=lambda: reports.append(land_at_pace(settings, 1.5, **narrowed))) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(120)

    assert [report.complete for report in reports] == [True, True]
    assert {venue for report in reports for venue, _ in report.by} == {"binance", "okx", "bybit"}
    assert strict.journal.violations == {}


def test_retry_after_is_honoured_by_every_request_of_the_budget(
    ingest_warehouse: Warehouse, strict: ReplayServer
) -> None:
    strict.journal.clear()
    strict.faults = Faults(rate=1, kinds=("429",), times=1, path="/binance-spot/api/v3/klines", retry_after_seconds=3)
    narrowed = {"venues": ("binance",), "datasets": ("bars",), "timeframes": ("1m",), "markets": ("spot",)}
    report = land_at_pace(settings_of(ingest_warehouse, strict), 3, **narrowed)

    assert report.complete
    assert report.faults == {"rate_limited": 1}
    times = [entry["at"] for entry in strict.journal.last if entry["path"].endswith("/klines")]
    (refused,) = [e["at"] for e in strict.journal.last if e["fault"] == "429"]
    # What was in flight when the refusal came may still arrive; then there are no requests for three seconds.
    quiet = [at for at in times if refused + 0.5 < at < refused + 2.9]
    assert quiet == []
    assert strict.journal.violations == {}


def test_a_run_that_is_killed_leaves_no_share_behind(tmp_path: Path) -> None:
    first, second = LimitShare(tmp_path, "okx", "calls"), LimitShare(tmp_path, "okx", "calls")
    assert first.enter() == 1
    assert second.enter() == 2
    first.leave()
    (second._own.parent / "dead.run").touch()  # the file of a dead process: its lock is free
    second._looked = -10.0
    assert second.runs() == 1


def test_the_use_of_a_limit_is_that_of_the_busiest_budget() -> None:
    from dlt_pipelines.venues.okx import endpoints

    use = LimitUse()
    for _ in range(50):
        share = use.add("okx", endpoints.BY_DATASET["bars"].budget, 1)
    assert share == pytest.approx(50 / 10 / 10, rel=0.1)
    assert use.add("okx", endpoints.CLOCK.budget, 1) == pytest.approx(0.5, rel=0.1)


def test_no_jitter_on_the_way_can_break_a_window() -> None:
    budget = Budget("jitter", 5, 0.4)
    counted: list[float] = []

    async def ask(window: RateLimiter, late: float, slow: float) -> None:
        async with window.request(1):
            await asyncio.sleep(late)
            counted.append(time.monotonic())  # the time at which the venue counts it
            await asyncio.sleep(slow)

    async def main() -> None:
        window, chance = RateLimiter(budget, 5), random.Random(3)
        await asyncio.gather(*(ask(window, chance.random() * 0.3, chance.random() * 0.1) for _ in range(40)))

    asyncio.run(main())
    counted.sort()
    # Clocks of sleep are rounded to the millisecond.
    assert all(counted[i + 5] - counted[i] >= 0.399 for i in range(35))
