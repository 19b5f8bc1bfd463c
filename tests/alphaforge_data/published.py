"""A warehouse with two snapshots, made by the whole pipeline: replayed exchanges, landing, dbt build, publication.

`first`: what the market of seed 7 had. `second`: a day more of it, and one perpetual's day revised by the market
of seed 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import alphaforge_data
from dlt_pipelines import backfill
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from mdw.publishing import snapshot_build
from replay.clock import Clock
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse, start_warehouse
from warehouse.settings import Settings

SEED = 7
START = datetime(2025, 5, 17, tzinfo=UTC)
FIRST_END = datetime(2025, 6, 29, tzinfo=UTC)
END = datetime(2025, 6, 30, tzinfo=UTC)
# The synthetic Binance spot has no bars on the 11th of a month, 02:00 to 04:30.
SPOT_START, SPOT_END = datetime(2025, 6, 8, tzinfo=UTC), datetime(2025, 6, 14, tzinfo=UTC)
HOLE = datetime(2025, 6, 11, 2, tzinfo=UTC), datetime(2025, 6, 11, 4, 30, tzinfo=UTC)
PERPETUALS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
REVISED = "SOL/USDT"
REVISED_DAY = datetime(2025, 6, 2, tzinfo=UTC)

Spans = dict[Series, tuple[int, int | None]]


@dataclass
class Published:
    """The running warehouse, and the market whose values snapshot `first` must contain."""

    warehouse: Warehouse
    market: SyntheticMarket

    @property
    def url(self) -> str:
        """With the role researcher."""
        found = self.warehouse.settings.connection("researcher")
        return f"http://{found.user}:{found.password}@{found.host}:{found.http_port}"

    def connect(self, snapshot_id: str | None = "first") -> alphaforge_data.Client:
        """A client without a cache."""
        return alphaforge_data.connect(self.url, snapshot_id=snapshot_id, cache=False)


def _land(home: Path, seed: int, spans: Spans, refetch: bool = False) -> Settings:
    now = END + timedelta(seconds=30)
    with ReplayServer(SyntheticMarket(seed), clock=Clock.fixed(now)) as server:
        origins: dict[str, Any] = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
        settings = Settings(home=home, clickhouse_url=None, now=now, **origins)
        report = backfill.run(backfill.make_plan(settings, spans, refetch=refetch, pace=None), pace=None)
    assert report.complete, report
    return settings


def _first_spans() -> Spans:
    window = to_ms(START), to_ms(FIRST_END)
    day = to_ms(END - timedelta(days=1)), to_ms(END)
    spans: Spans = {Series("bars", "binance", "perp", symbol, "1h"): window for symbol in PERPETUALS}
    spans |= {Series("funding", "binance", "perp", symbol): window for symbol in PERPETUALS}
    spans[Series("bars", "binance", "spot", "BTC/USDT", "1m")] = to_ms(SPOT_START), to_ms(SPOT_END)
    spans |= {Series("instruments", "binance", market): day for market in ("spot", "perp")}
    spans[Series("fear_greed", "alternative_me", "")] = day
    return spans


def _publish(settings: Settings, snapshot_id: str) -> None:
    result = snapshot_build.build(settings, snapshot_id)
    assert result.published, result


# Imported by two conftest.py files, the fixture exists twice: both share the result, which takes a minute to build.
_SHARED: list[Published] = []


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """Both snapshots, published; tests only read them."""
    if _SHARED:
        yield _SHARED[0]
        return
    home = tmp_path_factory.mktemp("published") / "mdw"
    running = start_warehouse(home)
    try:
        _publish(_land(home, SEED, _first_spans()), "first")
        more = to_ms(FIRST_END), to_ms(END)
        _land(home, SEED, {Series("bars", "binance", "perp", symbol, "1h"): more for symbol in PERPETUALS})
        day = to_ms(REVISED_DAY), to_ms(REVISED_DAY + timedelta(days=1))
        revised: Spans = {Series("bars", "binance", "perp", REVISED, "1h"): day}
        _publish(_land(home, SEED + 1, revised, refetch=True), "second")
        _SHARED.append(Published(running, SyntheticMarket(SEED)))
        yield _SHARED[0]
    finally:
        running.kill()
