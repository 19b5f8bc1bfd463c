"""Ingest for tests: replayed exchanges and archives on loopback, a real ClickHouse, real dlt."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dlt_pipelines import backfill, update
from dlt_pipelines.core.progress import LandingReport
from dlt_pipelines.core.time_grid import from_ms
from dlt_pipelines.planning.lane_choice import Lane
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.planning.universe import Universe, load
from replay.archives.tricks import Trick
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from warehouse.settings import Settings

_RAW_TABLES = "select name from system.tables where database = 'raw' and not match(name, '___dlt') and total_rows > 0"
_FILES = (
    "select file_path, count(), any(parts), sum(row_count) from merge('raw', '__archive_') "
    "group by file_path order by 1"
)
_BAR_TABLES: dict[tuple[str, str], tuple[str, Any]] = {
    ("binance", "spot"): ("binance__spot_klines", lambda body: body),
    ("binance", "perp"): ("binance__usdm_klines", lambda body: body),
    ("okx", "spot"): ("okx__spot_candles", lambda body: body["data"]),
    ("bybit", "spot"): ("bybit__spot_klines", lambda body: body["result"]["list"]),
    ("coinbase", "spot"): ("coinbase__spot_candles", lambda body: body),
}


def settings_for(server: ReplayServer, home: Path, **more: Any) -> Settings:
    """Settings that send every request to the replay server."""
    origins: dict[str, Any] = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
    return Settings(home=home, **origins, **more)


@dataclass
class Ingest:
    """Plans and lands like the command line, but without rate limits, as the exchanges are replayed."""

    warehouse: Warehouse
    server: ReplayServer
    market: SyntheticMarket
    settings: Settings
    universe: Universe

    @classmethod
    def of(cls, warehouse: Warehouse, server: ReplayServer, market: SyntheticMarket, **more: Any) -> "Ingest":
        """`more` are settings in addition to the addresses."""
        settings = settings_for(server, warehouse.settings.home, **more)
        return cls(warehouse, server, market, settings, load(settings.universe))

    def plan(
        self,
        start: datetime | None = None,
        until: datetime | None = None,
        lane: Lane = "rest",
        *,
        hours: float = 6,
        refetch: bool = False,
        recheck: bool = False,
        recheck_claims: bool = False,
        dry_run: bool = False,
        **selection: tuple[str, ...],
    ) -> Plan:
        """From `start`, or `hours` before the end; `until` None is the venues' current time."""
        start = start or (until or from_ms(self.server.clock.now_ms())) - timedelta(hours=hours)
        chosen = Selection(**selection)
        return backfill.plan(
            self.settings,
            self.universe,
            chosen,
            start,
            until,
            refetch,
            pace=None,
            lane=lane,
            recheck=recheck,
            recheck_claims=recheck_claims,
            dry_run=dry_run,
        )

    def land(self, plan: Plan) -> LandingReport:
        return backfill.run(plan, pace=None)

    def backfill(self, *window: Any, **narrowed: Any) -> LandingReport:
        """Plan and land; arguments as for `plan`."""
        return self.land(self.plan(*window, **narrowed))

    def update(self, *, force: bool = False, **selection: tuple[str, ...]) -> LandingReport:
        return update.run(self.settings, self.universe, Selection(**selection), force=force, pace=None)

    def clear(self) -> None:
        """Reset: empty raw tables, no bans, healthy archives, an empty journal."""
        with self.warehouse.client() as client:
            client.command("truncate table ops.corrected_claims")
            for (name,) in client.query(_RAW_TABLES).result_rows:
                client.command(f"truncate table raw.`{name}`")
        self.server.caps = ()
        self.server.fixed = ()
        for ban in (self.settings.home / "limits").glob("*/banned_until"):
            ban.unlink()
        self.trick()
        self.server.journal.clear()

    def pages(self, table: str) -> list[dict[str, Any]]:
        with self.warehouse.client() as client:
            result = client.query(f"select * from raw.{table} order by symbol, timeframe, window_start, fetched_at")
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def files(self) -> list[tuple[Any, ...]]:
        """Path, rows in raw, parts that belong to the file, lines."""
        return self.warehouse.rows(_FILES)

    def landed_bars(self, venue: str, market: str, symbol: str, timeframe: str) -> list[tuple[str, ...]]:
        """Open time, open, high, low, close of every landed row, as text, ascending, including duplicates."""
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

    def trick(self, *tricks: Trick) -> None:
        self.server.tricks = tricks

    def count(self, path: str) -> int:
        return sum(number for asked, number in self.server.journal.counts.items() if path in asked)
