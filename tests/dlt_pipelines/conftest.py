"""A desk to land from: replayed exchanges on loopback, a real ClickHouse, real dlt."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlt_pipelines import backfill, update
from dlt_pipelines.plan import Plan
from dlt_pipelines.progress import LandingReport
from dlt_pipelines.selection import Selection
from dlt_pipelines.universe import Universe, load
from replay.clock import Clock
from replay.faults import Faults
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse, start_warehouse
from warehouse import embedded
from warehouse.settings import Settings

NOW = datetime(2025, 1, 28, 18, 40, 30, tzinfo=UTC)
RAW_TABLES = "select name from system.tables where database = 'raw' and not match(name, '___dlt') and total_rows > 0"


@dataclass
class Desk:
    """What a person at the command line has; no limiter, as the exchanges are replayed."""

    warehouse: Warehouse
    server: ReplayServer
    market: SyntheticMarket
    settings: Settings
    universe: Universe

    def plan(
        self,
        hours: float = 6,
        *,
        until: datetime | None = None,
        start: datetime | None = None,
        refetch: bool = False,
        **selection: tuple[str, ...],
    ) -> Plan:
        start = start or (until or NOW) - timedelta(hours=hours)
        return backfill.plan(self.settings, self.universe, Selection(**selection), start, until, refetch, pace=None)

    def land(self, plan: Plan) -> LandingReport:
        return backfill.run(plan, pace=None)

    def backfill(self, hours: float = 6, **narrowed: Any) -> LandingReport:
        return self.land(self.plan(hours, **narrowed))

    def update(self, *, force: bool = False, **selection: tuple[str, ...]) -> LandingReport:
        return update.run(self.settings, self.universe, Selection(**selection), force=force, pace=None)

    def pages(self, table: str) -> list[dict[str, Any]]:
        with self.warehouse.client() as client:
            result = client.query(f"select * from raw.{table} order by symbol, timeframe, window_start, fetched_at")
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def landed_bars(self, venue: str, market: str, symbol: str, timeframe: str) -> list[tuple[str, ...]]:
        """Open time, open, high, low, close of every landed row, as text, doubles included, ascending."""
        table, rows_of = _BAR_TABLES[venue, market]
        pages = [p for p in self.pages(table) if (p["symbol"], p["timeframe"]) == (symbol, timeframe)]
        rows = [row for page in pages for row in rows_of(json.loads(page["payload"]))]
        return sorted(tuple(str(value) for value in row[:5]) for row in rows)

    def true_bars(
        self, venue: str, market: str, symbol: str, timeframe: str, start: datetime, end: datetime
    ) -> list[tuple[str, ...]]:
        window = (int(start.timestamp() * 1000), int(end.timestamp() * 1000))
        bars = self.market.bars(venue, market, symbol, timeframe, *window)
        return sorted((str(bar.open_time), bar.open, bar.high, bar.low, bar.close) for bar in bars)

    def count(self, path: str) -> int:
        return sum(number for asked, number in self.server.journal.counts.items() if path in asked)


_BAR_TABLES: dict[tuple[str, str], tuple[str, Any]] = {
    ("binance", "spot"): ("binance__spot_klines", lambda body: body),
    ("binance", "perp"): ("binance__usdm_klines", lambda body: body),
    ("okx", "spot"): ("okx__spot_candles", lambda body: body["data"]),
    ("bybit", "spot"): ("bybit__spot_klines", lambda body: body["result"]["list"]),
}


@pytest.fixture(scope="session")
def synthetic() -> SyntheticMarket:
    return SyntheticMarket(7)


@pytest.fixture(scope="session")
def replay_server(synthetic: SyntheticMarket) -> Iterator[ReplayServer]:
    with ReplayServer(synthetic, clock=Clock.fixed(NOW)) as server:
        yield server


@pytest.fixture
def replayed(replay_server: ReplayServer) -> ReplayServer:
    """The exchanges, healthy and at NOW."""
    replay_server.faults = Faults()
    replay_server.clock.set(int(NOW.timestamp() * 1000), ticking=False)
    replay_server.journal.clear()
    return replay_server


def settings_for(server: ReplayServer, home: Path, **more: Any) -> Settings:
    origins = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
    return Settings(home=home, **origins, **more)


@pytest.fixture(scope="session")
def desk_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One server for all tests of this folder: each begins with empty raw tables."""
    running = start_warehouse(tmp_path_factory.mktemp("desk") / "mdw")
    yield running
    if embedded.status(running.settings).running:
        running.kill()


@pytest.fixture
def desk(desk_warehouse: Warehouse, replayed: ReplayServer, synthetic: SyntheticMarket) -> Desk:
    """Empty raw tables, healthy exchanges."""
    with desk_warehouse.client() as client:
        for (name,) in client.query(RAW_TABLES).result_rows:
            client.command(f"truncate table raw.`{name}`")
    for ban in (desk_warehouse.settings.home / "limits").glob("*/banned_until"):
        ban.unlink()
    settings = settings_for(replayed, desk_warehouse.settings.home)
    return Desk(desk_warehouse, replayed, synthetic, settings, load(settings.universe))
