"""Replayed archives on loopback, a real ClickHouse."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from replay.clock import Clock
from replay.market import Funding, Record, Series
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.ingest import Ingest

# Saturday: December's monthly files are not published yet, the days up to January 2 are.
NOW = datetime(2025, 1, 4, 20, 0, 30, tzinfo=UTC)


# Symbols that Binance lists, with prices of others: a single letter, and letters of another script.
ALIASES = {"W/USDT": "XRP/USDT", "币安人生/USDT": "SOL/USDT"}


class Aliased(SyntheticMarket):
    """Binance and OKX list two more instruments."""

    def symbols(self, venue: str, market: str) -> dict[str, str]:
        known = super().symbols(venue, market)
        more = {name: symbol for symbol, name in _names(known).items()} if venue in ("binance", "okx") else {}
        return known | more

    def series(self, venue: str, market: str, symbol: str, timeframe: str) -> Series | None:
        return super().series(venue, market, ALIASES.get(symbol, symbol), timeframe)

    def funding(self, venue: str, symbol: str, start_ms: int, end_ms: int) -> list[Funding]:
        return super().funding(venue, ALIASES.get(symbol, symbol), start_ms, end_ms)

    def instruments(self, venue: str, market: str) -> list[Record]:
        records = super().instruments(venue, market)
        if venue not in ("binance", "okx"):
            return records
        known = super().symbols(venue, market)
        for alias, symbol in ALIASES.items():
            base, other = alias.split("/")[0], symbol.split("/")[0]
            found = [one for one in records if known.get(one.get("symbol") or one.get("instId", "")) == symbol]
            records = [*records, *(json.loads(json.dumps(one).replace(other, base)) for one in found)]
        return records


def _names(known: dict[str, str]) -> dict[str, str]:
    """The venue's names by alias, for aliases whose original is listed."""
    by_symbol = {symbol: name for name, symbol in known.items()}
    return {
        alias: by_symbol[symbol].replace(symbol.split("/")[0], alias.split("/")[0])
        for alias, symbol in ALIASES.items()
        if symbol in by_symbol
    }


@pytest.fixture(scope="session")
def archive_market() -> SyntheticMarket:
    return Aliased(7)


@pytest.fixture(scope="session")
def archive_server(archive_market: SyntheticMarket) -> Iterator[ReplayServer]:
    with ReplayServer(archive_market, clock=Clock.fixed(NOW)) as server:
        yield server


@pytest.fixture(scope="module")
def world(module_warehouse: Warehouse, archive_server: ReplayServer, archive_market: SyntheticMarket) -> Ingest:
    return Ingest.of(module_warehouse, archive_server, archive_market, now=NOW)


@pytest.fixture
def ingest(world: Ingest) -> Ingest:
    """Empty raw tables, valid files."""
    world.clear()
    return world
