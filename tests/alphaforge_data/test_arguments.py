"""Arguments as quants write them: each is unambiguous and accepted, or refused before anything is returned."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import alphaforge_data
from alphaforge_data import BadRequest, Client, overview, times
from tests.alphaforge_data.published import PERPETUALS, Published

A, B = "2025-06-01", "2025-06-02"
PERP: dict[str, Any] = {"venue": "binance", "market": "perp"}


@pytest.fixture(scope="module")
def client(published: Published) -> Client:
    return published.connect()


# Without its types, which refuse these calls (typed_calls.py).
connect: Any = alphaforge_data.connect
REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
    # ccxt's name of a perpetual, read as a spot symbol, would be another instrument's prices.
    "ccxt perpetual on spot": (lambda c: c.bars("BTC/USDT:USDT", "1h", venue="binance"), "perpetual.*market='perp'"),
    "ccxt perpetual among metadata": (
        lambda c: c.instruments(symbol="BTC/USDT:USDT", market="spot"),
        "perpetual.*market='perp'",
    ),
    "inverse perpetual": (lambda c: c.bars("BTC/USDT:BTC", "1h", **PERP), "settles in BTC"),
    "venue beside ids": (
        lambda c: c.bars(instruments="binance:perp:BTC/USDT", venue="okx", start=A, end=B),
        "either symbol and venue, or instruments",
    ),
    "pin among parameters": (
        lambda c: c.sql("select {snapshot_id:String} as pin", {"snapshot_id": "second"}),
        "snapshot_id=",
    ),
    "panel of all columns": (lambda c: c.panel("all", "BTC/USDT", **PERP), "'all'.*one column"),
    "panel of a list": (lambda c: c.panel(["close", "open"], "BTC/USDT", **PERP), "one column"),
    "number as columns": (lambda c: c.bars("BTC/USDT", "1h", **PERP, columns=5), "columns is 5"),
    "bytes as columns": (lambda c: c.instruments(columns=b"venue"), "columns is b'venue'"),
    "at with history": (lambda c: c.instruments(at="2025-06-30", history=True), "at or history"),
    "market without instruments": (
        lambda c: c.instruments(venue="binance", symbol="FDUSD/USDT", market="perp"),
        "FDUSD/USDT",
    ),
    "funding outside": (lambda c: c.funding("BTC/USDT", "2018-01-01", "2018-02-01", venue="binance"), "reaches from"),
    "fear and greed outside": (lambda c: c.fear_greed("2030-01-01"), "reach from"),
    "condition outside": (lambda c: c.condition("bars", "2031-01-01"), "reach from"),
    "condition of what has no condition": (lambda c: c.condition("instruments"), "'instruments'; allowed: bars"),
    "instruments of fear and greed": (
        lambda c: c.condition("fear_greed", instruments="binance:perp:BTC/USDT"),
        "no instruments",
    ),
    "diff of fear and greed by instrument": (
        lambda c: c.diff("first", "second", dataset="fear_greed", instruments="binance:perp:BTC/USDT"),
        "no instruments",
    ),
    "a table as bars": (lambda c: c.with_funding(pa.table({"a": [1]})), "bars is a Table.*Frame"),
    "panel as bars": (lambda c: c.with_instruments(c.panel("close", "BTC/USDT", **PERP)), "instrument_id"),
    "year 9999": (lambda c: c.bars("BTC/USDT", "1h", np.datetime64("9999-12-31"), **PERP), "reaches from"),
    "past datetime": (lambda c: c.bars("BTC/USDT", "1h", np.datetime64("30000-01-01"), **PERP), "start is.*30000"),
    "empty sql": (lambda c: c.sql("  "), "query is"),
    "parameters as a list": (lambda c: c.sql("select 1", [1]), "parameters is .*dict"),
    "difference from nothing": (lambda c: c.diff(None, "first"), "snapshot_id is None"),
    "four centuries of minutes": (
        lambda c: c.panel("close", "BTC/USDT", "1m", "1900-01-01", "2299-01-01", venue="binance"),
        "narrow start and end",
    ),
    "four centuries filled": (
        lambda c: c.bars("BTC/USDT", "1m", "1900-01-01", "2299-01-01", venue="binance", gaps="null"),
        "narrow start and end",
    ),
    "chunk": (lambda c: c.iter_bars("BTC/USDT", "1h", chunk="hour", **PERP), "'hour'; allowed: day"),
    "misspelt in pieces": (lambda c: c.iter_bars("BTX/USDT", "1h", **PERP), "has no instrument"),
    "partial of a panel": (lambda c: c.panel("close", "BTC/USDT", **PERP, partial="some"), "'some'; allowed: drop"),
    "gaps after the series": (lambda c: c.gaps("BTC/USDT", "1h", "2030-01-01", **PERP), "reaches from"),
    "gaps before the series": (lambda c: c.gaps("BTC/USDT", "1h", end="2018-01-01", **PERP), "reaches from"),
    "pieces after the series": (lambda c: c.iter_bars("BTC/USDT", "1h", "2030-01-01", **PERP), "reaches from"),
    "an id as a symbol": (
        lambda c: c.bars("binance:perp:BTC/USDT", "1h", **PERP),
        "instruments='binance:perp:BTC/USDT'",
    ),
    "a spot id of perpetuals": (
        lambda c: c.bars(instruments="binance:spot:BTC/USDT", timeframe="1m", market="perp"),
        "'perp', but instruments has 'binance:spot:BTC/USDT'",
    ),
    "extent of what is resampled": (lambda c: c.extent("BTC/USDT", "4h", **PERP), "'4h'; stored of .*: 1h"),
    "condition of what pays no funding": (
        lambda c: c.condition("funding", instruments="binance:spot:BTC/USDT"),
        "no funding of 'binance:spot:BTC/USDT'",
    ),
    "number as a parameter's name": (lambda c: c.sql("select 1", {1: 2}), "names of parameters"),
    "difference of a list": (lambda c: c.diff("first", "second", dataset=["bars"]), "allowed: bars"),
    "malformed url": (lambda c: connect("http://[::1"), "malformed"),
    "id with a dot as url": (lambda c: connect("2025.q1"), "snapshot_id='2025.q1'"),
    "newest snapshot without a server": (
        lambda c: connect(snapshot_id="latest", offline=True),
        "pass snapshot_id",
    ),
    "concatenation of a table": (
        lambda c: alphaforge_data.concat([c.fear_greed(), c.fear_greed().to_arrow()]),
        "contains a Table",
    ),
    "equality with a table": (lambda c: c.fear_greed().equals(c.fear_greed().to_arrow()), "other is a Table"),
    "a file as cache": (lambda c: connect("http://a@b:1", cache=__file__), "not a folder"),
    "array of text": (lambda c: np.asarray(c.bars("BTC/USDT", "1h", A, B, **PERP)), "instrument_id.*to_pandas"),
    "cache of a wrong type": (lambda c: connect("http://a@b:1", cache=7), "cache is 7"),
    "url of a wrong type": (lambda c: connect(7), "url is 7"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_mean_something_else_is_refused_at_the_call(client: Client, name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(BadRequest, match=words):
        call(client)


TAKEN: dict[str, Callable[[Any], object]] = {
    "generator": lambda c: c.bars((one for one in ["BTC/USDT"]), "1h", A, B, **PERP),
    "index": lambda c: c.bars(pd.Index(["BTC/USDT"]), "1h", A, B, **PERP),
    "series": lambda c: c.bars(pd.Series(["BTC/USDT"]), "1h", A, B, venue=pd.Series(["binance"]), market="perp"),
    "arrow": lambda c: c.bars(pa.array(["BTC/USDT"]), "1h", A, B, **PERP),
    "columns as an array": lambda c: c.bars("BTC/USDT", "1h", A, B, **PERP, columns=np.array(["close", "open_time"])),
    "columns as an index": lambda c: c.bars("BTC/USDT", "1h", A, B, **PERP, columns=pd.Index(["close", "open_time"])),
    "pandas date": lambda c: c.bars("BTC/USDT", "1h", pd.Timestamp(A), pd.Timestamp(B), **PERP),
    "nanoseconds": lambda c: c.bars("BTC/USDT", "1h", np.datetime64(A, "ns"), np.datetime64(B, "s"), **PERP),
}


@pytest.mark.parametrize("name", TAKEN)
def test_unambiguous_arguments_are_accepted(client: Client, name: str) -> None:
    assert len(TAKEN[name](client)) == 24  # type: ignore[arg-type]


def test_bounds_beyond_all_data_are_open(client: Client) -> None:
    whole = client.bars("BTC/USDT", "1h", **PERP)
    for end in ("9999-12-31", np.datetime64("9999-12-31"), datetime.max.replace(tzinfo=UTC), "2400-01-01"):
        for start in ("0001-01-01", "1600-01-01", np.datetime64("1677-01-01")):
            assert client.bars("BTC/USDT", "1h", start, end, **PERP).equals(whole), (start, end)
    days = client.bars("BTC/USDT", "1d", **PERP)
    assert client.bars("BTC/USDT", "1d", "1600-01-01", "9999-12-31", **PERP).equals(days)


def test_a_numpy_instant_of_any_unit_is_exact() -> None:
    for year in (1600, 1969, 2025, 2300, 9999):
        expected = times.milliseconds("t", f"{year}-03-01")
        for unit in ("D", "h", "s", "ms", "us", "Y") if year != 2025 else ("D", "ns"):
            value = np.datetime64(f"{year}-03-01", unit) if unit != "Y" else np.datetime64(f"{year}-03-01", "D")
            assert times.milliseconds("t", value) == expected, (year, unit)
    assert times.milliseconds("t", np.datetime64("2025-03-01T00:00:00.000000001", "ns")) % 1000 == 1


def test_an_instrument_not_yet_seen_is_named(client: Client) -> None:
    at = max(client.instruments(symbol="BTC/USDT", history=True)["valid_from"].to_pylist())
    assert len(client.instruments(symbol="BTC/USDT", at=at)) == 2
    with pytest.raises(BadRequest, match="nothing is known about the time before"):
        client.instruments(symbol="BTC/USDT", at=at.replace(year=2024))


def test_large_unsigned_numbers_of_sql_stay_exact(client: Client) -> None:
    row = client.sql("select toUInt64(18446744073709551615) as a, toUInt64(7) as b, toUInt8(3) as c").to_pylist()[0]
    assert {name: int(value) for name, value in row.items()} == {"a": 2**64 - 1, "b": 7, "c": 3}


def test_integers_inside_arrays_tuples_and_maps_of_sql_are_signed(client: Client) -> None:
    table = client.sql(
        "select [toUInt8(200)] as a, (toUInt16(3), 'x') as b, map('k', toUInt32(7)) as c, [toUInt64(-1)] as d"
    )
    assert "uint" not in str(table.schema)
    assert table.to_pylist() == [{"a": [200], "b": {"1": 3, "2": "x"}, "c": [("k", 7)], "d": [2**64 - 1]}]


def test_frames_are_compared_by_value(client: Client) -> None:
    table = client.bars("BTC/USDT", "1h", A, B, **PERP).to_arrow()
    words = pa.array(["unused", "binance:perp:BTC/USDT"])
    other = pa.DictionaryArray.from_arrays(pa.array([1] * len(table), pa.int32()), words)
    same = alphaforge_data.Frame(table.set_column(0, table.schema.field(0), other))
    assert alphaforge_data.Frame(table).equals(same)
    assert not same.equals(alphaforge_data.Frame(table.slice(1)))


def test_a_limit_beyond_all_numbers_is_no_limit(client: Client) -> None:
    assert client.snapshots(2**70).num_rows == 2


def test_a_dataset_that_the_snapshot_lacks_is_named(client: Client) -> None:
    with pytest.raises(BadRequest, match="'first' has no Fear & Greed index"):
        overview.require_rows(pa.table({}), client.snapshot(), "no Fear & Greed index")


def test_a_frame_is_an_array_of_its_columns(client: Client) -> None:
    frame = client.bars("BTC/USDT", "1h", A, B, **PERP, columns=["open", "close"])
    assert np.asarray(frame).tolist() == [list(row) for row in zip(*(frame[n].to_pylist() for n in frame), strict=True)]


def test_joins_of_no_bars_and_twice(client: Client) -> None:
    bars = client.bars("BTC/USDT", "1h", A, B, **PERP, columns="all")
    none = alphaforge_data.Frame(bars.to_arrow().slice(0, 0))
    joined = client.with_funding(bars)
    assert client.with_funding(none).column_names == joined.column_names
    assert client.with_instruments(none).column_names == client.with_instruments(bars).column_names
    with pytest.raises(BadRequest, match=r"already have.*funding_rate"):
        client.with_funding(joined)


def test_rows_of_two_snapshots_have_no_stamp(published: Published) -> None:
    tables = [
        published.connect(name).bars("SOL/USDT", "1h", A, B, **PERP, columns="all").to_arrow().slice(0, 5)
        for name in ("first", "second")
    ]
    with pytest.raises(BadRequest, match=r"first.*second|second.*first"):
        alphaforge_data.snapshot_of(pa.concat_tables(tables))
    with pytest.raises(BadRequest, match=r"first.*second|second.*first"):
        alphaforge_data.snapshot_of(alphaforge_data.Frame(pa.concat_tables(tables)).to_pandas())


_CLIENT: list[Client] = []


def _closes(symbol: str) -> tuple[str, list[float]]:
    return symbol, _CLIENT[0].bars(symbol, "1h", **PERP)["close"].to_pylist()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_of_a_fork_do_not_share_their_parents_connection(client: Client) -> None:
    expected = {symbol: client.bars(symbol, "1h", **PERP)["close"].to_pylist() for symbol in PERPETUALS}
    _CLIENT.append(client)
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        for symbol, closes in pool.map(_closes, list(PERPETUALS) * 8):
            assert closes == expected[symbol]
