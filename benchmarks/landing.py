"""Landing from three venues at once without their limits, and the plan for five years against the theoretical minimum.

The peer is ccxt's own paging (`fetch_ohlcv`, one task per symbol) over the same windows from the same replay: it parses
into Python lists and stores nothing. The venues' limits together allow at most 140 pages per second. Memory is measured
for a quarter, all and four times the days, one after the other in one process.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.peak import Peak
from dlt_pipelines import backfill
from dlt_pipelines.core.endpoint import Budget
from dlt_pipelines.core.time_grid import TIMEFRAMES, to_ms
from dlt_pipelines.planning.page_requests import page_length, window_requests
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.planning.universe import load
from dlt_pipelines.venues import VENUES
from replay.process import ReplayProcess
from warehouse import embedded
from warehouse.migrate import migrate
from warehouse.settings import Settings

NOW = datetime(2025, 7, 1, 0, 0, 30, tzinfo=UTC)
SPOT = Selection(datasets=("bars",), markets=("spot",), timeframes=("1m",))
PAGE_ROWS = {"binance": 1000, "okx": 300, "bybit": 1000}
Figures = dict[str, float]


def main(days: int = 40) -> None:
    """Print a table and one line of JSON."""
    figures: Figures = {"days": days, **plan_against_minimum()}
    with (
        tempfile.TemporaryDirectory() as folder,
        ReplayProcess("--synthetic", "--seed", "7", "--now", NOW.isoformat(), "--standing") as server,
    ):
        os.environ.update({**server.environment, "MDW_HOME": str(Path(folder) / "mdw"), "MDW_NOW": NOW.isoformat()})
        settings = Settings.load()
        pid = embedded.up(settings).pid
        assert pid is not None
        try:
            migrate(settings)
            # The replay generates each day on first use: fetch everything once, so that both sides find it generated.
            asyncio.run(_peer(server.environment, days))
            figures |= asyncio.run(_peer(server.environment, days))
            for part in (days // 4, days, days * 4):
                figures |= _land(settings, pid, part, days)
        finally:
            embedded.down(settings)
    figures["landing_over_peer"] = round(figures["pages_per_second"] / figures["peer_pages_per_second"], 2)
    figures["load_average"] = round(os.getloadavg()[0], 1)
    for name, value in figures.items():
        print(f"{name:>36}  {value:>14,}")
    print(json.dumps(figures))


def plan_against_minimum(years: int = 5) -> Figures:
    """Every bar of the universe: seconds of our plan at our pace, and the minimum by limits and page sizes."""
    universe = load(Settings.load().universe)
    now = to_ms(NOW)
    start = to_ms(NOW - timedelta(days=365 * years + 1))
    plan = Plan(Settings.load(), [])
    least: dict[Budget, float] = defaultdict(float)
    for series in universe.series():
        if series.dataset != "bars":
            continue
        venue = VENUES[series.venue]
        plan.requests.extend(window_requests(venue, series, (start, now), [], now))
        endpoint = venue.endpoint(series, start, now)
        rows = (now - start) / TIMEFRAMES[series.timeframe]
        pages = rows / (page_length(series, endpoint) / TIMEFRAMES[series.timeframe])
        least[endpoint.budget] += pages * endpoint.weight / endpoint.budget.per_second
    minimum = max(least.values())
    return {
        "plan_calls": plan.calls,
        "plan_minutes": round(plan.minimum_seconds() / 60, 1),
        "physical_minimum_minutes": round(minimum / 60, 1),
        "plan_over_minimum": round(plan.minimum_seconds() / minimum, 3),
    }


def _land(settings: Settings, pid: int, days: int, all_days: int) -> Figures:
    universe = load(settings.universe)
    plan = backfill.plan(settings, universe, SPOT, NOW - timedelta(days=days), NOW, refetch=True, pace=None)
    with Peak(pid) as peak:
        report = backfill.run(plan, pace=None)
    assert report.complete, report.failures
    memory: Figures = {f"peak_mb_{days}_days": round(peak.pipeline / 1e6)}
    if days != all_days:
        return memory
    return {
        "pages": report.pages,
        "bars": report.rows,
        "seconds": round(report.seconds, 1),
        "pages_per_second": round(report.pages / report.seconds, 1),
        "bars_per_second": round(report.rows / report.seconds),
        **memory,
    }


async def _peer(origins: dict[str, str], days: int) -> Figures:
    """ccxt pages each symbol from its oldest bar on, for all symbols of all venues concurrently."""
    start, end = to_ms(NOW - timedelta(days=days)), to_ms(NOW)
    symbols = load(Settings.load().universe).bars
    exchanges = {venue: _exchange(venue, origins, symbols[venue]["spot"]) for venue in PAGE_ROWS}
    began = time.monotonic()
    try:
        counts = await asyncio.gather(
            *(
                _page(exchanges[venue], symbol, start, end, PAGE_ROWS[venue])
                for venue in PAGE_ROWS
                for symbol in symbols[venue]["spot"]
            )
        )
    finally:
        for exchange in exchanges.values():
            await exchange.close()
    seconds = time.monotonic() - began
    pages, rows = (sum(column) for column in zip(*counts, strict=True))
    return {
        "peer_pages": pages,
        "peer_seconds": round(seconds, 1),
        "peer_pages_per_second": round(pages / seconds, 1),
        "peer_bars_per_second": round(rows / seconds),
    }


async def _page(exchange: Any, symbol: str, since: int, end: int, limit: int) -> tuple[int, int]:
    pages = rows = 0
    while since < end:
        got = [row for row in await exchange.fetch_ohlcv(symbol, "1m", since, limit) if row[0] < end]
        pages += 1
        rows += len(got)
        since = got[-1][0] + 60_000 if got else since + limit * 60_000
    return pages, rows


def _exchange(venue: str, origins: dict[str, str], symbols: list[str]) -> Any:
    import ccxt.async_support as ccxt

    made: Any = getattr(ccxt, venue)({"enableRateLimit": False})
    address = {
        "binance": {"public": origins["MDW_BINANCE_SPOT_URL"] + "/api/v3"},
        "okx": {"rest": origins["MDW_OKX_URL"]},
        "bybit": {"public": origins["MDW_BYBIT_URL"]},
    }
    made.urls["api"] = made.urls["api"] | address[venue]
    made.set_markets([_market(made, symbol, "-" if venue == "okx" else "") for symbol in symbols])
    return made


def _market(exchange: Any, symbol: str, separator: str) -> Any:
    base, quote = symbol.split("/")
    names = {"id": base + separator + quote, "symbol": symbol, "base": base, "quote": quote}
    kind = {"type": "spot", "spot": True, "swap": False, "future": False, "option": False, "contract": False}
    return exchange.safe_market_structure({**names, **kind, "active": True})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
