"""Misuse: one clear message each, before any request."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

import alphaforge_data
from alphaforge_data import BadRequest, Client, Frame, NotReachable, UnknownSnapshot
from tests.alphaforge_data.published import Published
from tests.conftest import Warehouse

A, B = "2025-06-01T00:00Z", "2025-06-02T00:00Z"

MISUSES: dict[str, tuple[Callable[[Any], object], list[str]]] = {
    "timeframe": (lambda c: c.bars("BTC/USDT", "5 min", A, B, venue="binance"), ["'5 min'", "'15m'"]),
    "long timeframe": (lambda c: c.bars("BTC/USDT", "2w", A, B, venue="binance"), ["'2w'", "up to 1w"]),
    "order": (lambda c: c.bars("BTC/USDT", "1h", B, A, venue="binance"), ["not before", "exclusive"]),
    "empty": (lambda c: c.bars("BTC/USDT", "1h", A, A, venue="binance"), ["not before"]),
    "zone": (
        lambda c: c.bars("BTC/USDT", "1h", datetime(2025, 6, 1), B, venue="binance"),  # noqa: DTZ001
        ["2025-06-01", "without a time zone", "2025-06-01T00:00:00Z"],
    ),
    "no time": (lambda c: c.bars("BTC/USDT", "1h", "yesterday", B, venue="binance"), ["'yesterday'", "ISO 8601"]),
    "numpy": (lambda c: c.bars("BTC/USDT", "1h", np.datetime64("NaT"), B, venue="binance"), ["start is", "NaT"]),
    "number": (lambda c: c.bars("BTC/USDT", "1h", 1735689600, B, venue="binance"), ["1735689600", "int"]),
    "gaps": (lambda c: c.bars("BTC/USDT", "1h", A, B, venue="binance", gaps="fill"), ["'fill'", "keep, raise, null"]),
    "partial": (lambda c: c.bars("BTC/USDT", "1h", A, B, venue="binance", partial=True), ["True", "drop, keep, raise"]),
    "symbols": (lambda c: c.bars([1], "1h", A, B, venue="binance"), ["symbol contains 1", "string"]),
    "limit": (lambda c: c.snapshots(0), ["limit is 0"]),
    "venue": (lambda c: c.bars("BTC/USDT", "1h", A, B), ["venue is None", "binance"]),
    "market": (lambda c: c.bars("BTC/USDT", "1h", A, B, venue="okx", market="futures"), ["'futures'", "spot, perp"]),
    "both": (
        lambda c: c.bars("BTC/USDT", "1h", A, B, instruments="okx:spot:BTC/USDT"),
        ["exactly one"],
    ),
    "none": (lambda c: c.bars([], "1h", A, B, venue="binance"), ["symbol is empty"]),
    "injected column": (
        lambda c: c.instruments(columns="venue from marts.v_instruments --"),
        ["columns contains"],
    ),
    "snapshot": (lambda c: c.snapshot("no such id"), ["'no such id'", "64 letters"]),
    "day": (lambda c: c.fear_greed("2025-06-01T12:00Z", "2025-06-03"), ["daily", "midnight"]),
}


@pytest.fixture(scope="module")
def severed(module_warehouse: Warehouse) -> Client:
    """A client whose server is gone, so that every result comes from the client alone."""
    connection = module_warehouse.settings.connection("researcher")
    url = f"http://{connection.user}:{connection.password}@{connection.host}:{connection.http_port}"
    client = alphaforge_data.connect(url, cache=False)
    module_warehouse.kill()
    return client


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_an_error_before_any_request(severed: Client, name: str) -> None:
    call, words = MISUSES[name]
    with pytest.raises(BadRequest) as caught:
        call(severed)
    for word in words:
        assert word in str(caught.value)


def test_a_server_that_became_unreachable_is_named(severed: Client) -> None:
    with pytest.raises(NotReachable, match=r"No warehouse answers at http://127\.0\.0\.1:"):
        severed.fear_greed("2025-06-01", "2025-06-03")


def test_an_unknown_snapshot_lists_the_newest(published: Published) -> None:
    with pytest.raises(UnknownSnapshot, match="No snapshot 'third'; the newest are second, first"):
        published.connect("third")
    with pytest.raises(UnknownSnapshot, match="'third'"):
        published.connect().bars("BTC/USDT", "1h", A, B, venue="binance", snapshot_id="third")


UNKNOWN: dict[str, tuple[Callable[[Any], object], str]] = {
    "symbol": (
        lambda c: c.bars("BTC/USD", "1h", A, B, venue="binance", market="perp"),
        r"has no instrument 'binance:perp:BTC/USD'.*binance:perp:BTC/USDT",
    ),
    "symbol in small letters": (
        lambda c: c.bars("btcusd", "1h", A, B, venue="binance", market="perp"),
        r"has no instrument 'binance:perp:btcusd'; similar: binance:perp:BTC/USDT",
    ),
    "symbol of an extent": (
        lambda c: c.extent("BTC/USD", venue="binance", market="perp"),
        r"has no instrument.*binance:perp:BTC/USDT",
    ),
    "symbol of metadata": (lambda c: c.instruments(symbol="BTX/USDT"), r"'BTX/USDT'.*BTC/USDT"),
    "venue": (
        lambda c: c.bars("BTC/USDT", "1h", A, B, venue="binnance"),
        "'binnance'; snapshot 'first' has: ",
    ),
    "venue of metadata": (lambda c: c.instruments(venue="binnance"), "'binnance'; snapshot 'first' has: "),
    "id": (lambda c: c.bars(instruments="okx:BTC/USDT", start=A, end=B), "'okx:BTC/USDT'.*<venue>:<spot"),
    "column": (
        lambda c: c.bars("BTC/USDT", "1h", A, B, venue="binance", market="perp", columns=["close", "vwap"]),
        "'vwap'.*trade_count",
    ),
    "panel of many columns": (
        lambda c: c.panel(["close", "open"], "BTC/USDT", venue="binance", market="perp"),  # type: ignore[arg-type]
        "name one column",
    ),
    "spot funding": (lambda c: c.funding(instruments="binance:spot:BTC/USDT"), "perpetuals only"),
    "timeframe": (lambda c: c.bars("BTC/USDT", "90m", venue="binance", market="perp"), "'90m'; stored here: 1h"),
    "series without bars": (
        lambda c: c.bars("BNB/USDT", "1h", venue="binance", market="perp"),
        "no bars of 'binance:perp:BNB/USDT'; it has bars of: binance:perp:BTC/USDT",
    ),
    "window before the series": (
        lambda c: c.bars("BTC/USDT", "1h", "2018-01-01", "2018-01-02", venue="binance", market="perp"),
        "reaches from 2025-05-17T00:00:00Z to 2025-06-29T00:00:00Z .*requested: 2018-01-01T00:00:00Z to 2018-01-02",
    ),
    "window after the series": (
        lambda c: c.bars("BTC/USDT", "4h", "2026-01-01", venue="binance", market="perp"),
        "reaches from .*requested: 2026-01-01T00:00:00Z to open",
    ),
    "funding that nobody landed": (
        lambda c: c.funding("BNB/USDT", venue="binance"),
        "no funding of 'binance:perp:BNB/USDT'; it has funding of: binance:perp:BTC/USDT",
    ),
    "dataset": (lambda c: c.series("trades"), "'trades'; allowed: bars, funding"),
    "publication": (lambda c: c.snapshot(as_of="2020-01-01"), "No snapshot was published by 2020-01-01"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_the_snapshot_does_not_hold_is_an_error_with_the_nearest_choice(published: Published, name: str) -> None:
    call, words = UNKNOWN[name]
    with pytest.raises(BadRequest, match=words):
        call(published.connect())


CLEAR: dict[str, Callable[[Any], object]] = {
    "capitals": lambda c: c.bars("btc/usdt", "1h", A, B, venue="BINANCE", market="perp"),
    "swap": lambda c: c.bars("BTC/USDT", "1h", A, B, venue="binance", market="swap"),  # type: ignore[arg-type]
    "venue symbol": lambda c: c.bars("BTCUSDT", "1h", A, B, venue="binance", market="perp"),
    "dash": lambda c: c.bars("BTC-USDT", "1h", A, B, venue="binance", market="perp"),
    "ccxt": lambda c: c.bars("BTC/USDT:USDT", "1h", A, B, venue="binance", market="perp"),
    "lists": lambda c: c.bars(["BTC/USDT"], "1h", A, B, venue=["binance"], market="perp"),
    "numpy texts": lambda c: c.bars(np.array(["BTC/USDT"]), "1h", A, B, venue="binance", market="perp"),
    "id": lambda c: c.bars(instruments=["binance:perp:BTC/USDT"], start=A, end=B),
    "dates": lambda c: c.bars("BTC/USDT", "1h", date(2025, 6, 1), date(2025, 6, 2), venue="binance", market="perp"),
    "texts": lambda c: c.bars("BTC/USDT", "1h", "2025-06-01", "2025-06-02", venue="binance", market="perp"),
    "numpy": lambda c: c.bars(
        "BTC/USDT", "1h", np.datetime64("2025-06-01"), np.datetime64("2025-06-02T00"), venue="binance", market="perp"
    ),
    "pandas": lambda c: c.bars(
        "BTC/USDT", "1h", pd.Timestamp(A), pd.Timestamp(B).tz_convert("Asia/Tokyo"), venue="binance", market="perp"
    ),
}


@pytest.mark.parametrize("name", CLEAR)
def test_every_clear_way_to_say_it_gets_the_same_bars(published: Published, name: str) -> None:
    frame = CLEAR[name](published.connect())
    assert isinstance(frame, Frame)
    assert frame["open_time"].to_pylist() == [datetime(2025, 6, 1, hour, tzinfo=UTC) for hour in range(24)]
    assert set(frame["instrument_id"].to_pylist()) == {"binance:perp:BTC/USDT"}
