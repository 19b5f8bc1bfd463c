"""Misuse: one clear message each, and before any request."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import alphaforge_data
from alphaforge_data import BadRequest, Client, NotReachable, UnknownSnapshot
from tests.alphaforge_data.published import Published
from tests.conftest import Warehouse

A, B = "2025-06-01T00:00Z", "2025-06-02T00:00Z"

MISUSES: dict[str, tuple[Callable[[Client], object], list[str]]] = {
    "timeframe": (lambda c: c.bars("BTC/USDT", "5m", A, B, venue="binance"), ["'5m'", "1m, 1h"]),
    "order": (lambda c: c.bars("BTC/USDT", "1h", B, A, venue="binance"), ["not before", "exclusive"]),
    "empty": (lambda c: c.bars("BTC/USDT", "1h", A, A, venue="binance"), ["not before"]),
    "zone": (
        lambda c: c.bars("BTC/USDT", "1h", datetime(2025, 6, 1), B, venue="binance"),  # noqa: DTZ001
        ["2025-06-01", "without a time zone", "2025-06-01T00:00:00Z"],
    ),
    "no time": (lambda c: c.bars("BTC/USDT", "1h", "yesterday", B, venue="binance"), ["'yesterday'", "ISO 8601"]),
    "absent time": (lambda c: c.gaps("BTC/USDT", venue="binance"), ["start is None"]),
    "venue": (lambda c: c.bars("BTC/USDT", "1h", A, B), ["venue is None", "binance"]),
    "market": (lambda c: c.bars("BTC/USDT", "1h", A, B, venue="okx", market="futures"), ["'futures'", "spot, perp"]),
    "symbol": (lambda c: c.bars("BTCUSDT", "1h", A, B, venue="binance"), ["'BTCUSDT'", "BASE/QUOTE"]),
    "both": (
        lambda c: c.bars("BTC/USDT", "1h", A, B, instruments="okx:spot:BTC/USDT"),
        ["exactly one"],
    ),
    "none": (lambda c: c.bars([], "1h", A, B, venue="binance"), ["symbol is empty"]),
    "instrument": (lambda c: c.bars(instruments="okx:BTC/USDT", start=A, end=B), ["'okx:BTC/USDT'", "binance:spot:"]),
    "column": (
        lambda c: c.bars("BTC/USDT", "1h", A, B, venue="binance", columns=["close", "vwap"]),
        ["'vwap'", "trade_count"],
    ),
    "injected column": (
        lambda c: c.instruments(columns="venue from marts.v_instruments --"),
        ["columns holds"],
    ),
    "spot funding": (lambda c: c.funding(instruments="okx:spot:BTC/USDT", start=A, end=B), ["perpetuals only"]),
    "snapshot": (lambda c: c.snapshot("no such id"), ["'no such id'", "64 letters"]),
    "day": (lambda c: c.fear_greed("2025-06-01T12:00Z", "2025-06-03"), ["daily", "midnight"]),
}


@pytest.fixture(scope="module")
def severed(module_warehouse: Warehouse) -> Client:
    """A client whose server has gone: whatever it answers, it answered alone."""
    connection = module_warehouse.settings.connection("researcher")
    url = f"http://{connection.user}:{connection.password}@{connection.host}:{connection.http_port}"
    client = alphaforge_data.connect(url, cache=False)
    module_warehouse.kill()
    return client


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_told_before_any_request(severed: Client, name: str) -> None:
    call, words = MISUSES[name]
    with pytest.raises(BadRequest) as caught:
        call(severed)
    for word in words:
        assert word in str(caught.value)


def test_a_server_that_went_away_is_named(severed: Client) -> None:
    with pytest.raises(NotReachable, match=r"No warehouse answers at http://127\.0\.0\.1:"):
        severed.fear_greed("2025-06-01", "2025-06-03")


def test_an_unknown_snapshot_lists_the_newest(published: Published) -> None:
    with pytest.raises(UnknownSnapshot, match="No snapshot 'third'; the newest are second, first"):
        published.connect("third")
    with pytest.raises(UnknownSnapshot, match="'third'"):
        published.connect().bars("BTC/USDT", "1h", A, B, venue="binance", snapshot_id="third")


def test_a_misspelt_symbol_is_told_from_an_empty_window(published: Published) -> None:
    client = published.connect()
    with pytest.raises(BadRequest, match=r"knows no instrument 'binance:perp:BTC/USD'.*binance:perp:BTC/USDT"):
        client.bars("BTC/USD", "1h", A, B, venue="binance", market="perp")
    long_ago = datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC)
    assert client.bars("BTC/USDT", "1h", *long_ago, venue="binance", market="perp").num_rows == 0
