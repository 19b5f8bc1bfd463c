"""Bars derived from stored ones: resampled, filled to the grid, as panels, in chunks, with point-in-time joins."""

import asyncio
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import alphaforge_data
from alphaforge_data import BadRequest, Client, Frame, MissingBars, queries
from tests.alphaforge_data.published import FIRST_END, HOLE, PERPETUALS, SPOT_END, SPOT_START, START, Published

SPOT: dict[str, Any] = {"venue": "binance"}
PERP: dict[str, Any] = {"venue": "binance", "market": "perp"}


@pytest.fixture(scope="module")
def client(published: Published) -> Client:
    return published.connect()


def minutes(client: Client) -> pd.DataFrame:
    return client.bars("BTC/USDT", "1m", **SPOT).to_pandas(index="open_time")


def reference(frame: pd.DataFrame, rule: str) -> pd.DataFrame:
    grouped = frame.resample(rule, origin="epoch" if rule != "W-MON" else "start_day", closed="left", label="left")
    return pd.DataFrame(
        {
            "open": grouped["open"].first(),
            "high": grouped["high"].max(),
            "low": grouped["low"].min(),
            "close": grouped["close"].last(),
            "volume": grouped["volume"].sum(),
            "quote_volume": grouped["quote_volume"].sum(),
            "trade_count": grouped["trade_count"].sum(),
            "source_bars": grouped["open"].count(),
        }
    )


@pytest.mark.parametrize(
    ("timeframe", "rule"), [("5m", "5min"), ("1h", "1h"), ("4h", "4h"), ("1d", "1D"), ("1w", "W-MON")]
)
def test_resampled_bars_equal_pandas(client: Client, timeframe: Any, rule: str) -> None:
    frame = client.bars("BTC/USDT", timeframe, **SPOT, partial="keep").to_pandas(index="open_time")
    expected = reference(minutes(client), rule)
    expected = expected[expected["source_bars"] > 0]
    assert list(frame.index) == list(expected.index)
    for name in ("open", "high", "low", "close", "trade_count", "source_bars"):
        assert frame[name].tolist() == expected[name].tolist(), name
    for name in ("volume", "quote_volume"):
        assert np.allclose(frame[name].astype(float), expected[name].astype(float), rtol=1e-12), name


@pytest.mark.parametrize("timeframe", ["15m", "4h", "1d"])
def test_resampled_volumes_are_the_exact_sum_of_the_minutes(client: Client, timeframe: Any) -> None:
    frame = client.bars("BTC/USDT", timeframe, **SPOT, partial="keep").to_pandas(index="open_time")
    exact = minutes(client)[["volume", "quote_volume"]].map(lambda value: Decimal(repr(value)))
    expected = exact.resample(timeframe.replace("m", "min")).sum()
    for name in ("volume", "quote_volume"):
        assert frame[name].tolist() == [float(expected[name][time]) for time in frame.index], name


def test_a_total_is_the_nearest_double(client: Client) -> None:
    """13 + 0.82388 is 13.823879999999999."""
    random = np.random.default_rng(7)
    small, large = random.integers(0, [200, 10**5], (500, 2)), random.integers(0, [900_000, 10**5], (500, 2))
    parts = [(int(whole), int(rest) * 10**5) for whole, rest in [*small, *large]]
    parts += [(13, 8238800000), (21, 7769800000), (899_999, 9_999_999_999), (0, 1), (0, 0)]
    parts += [(int(whole), 1000 * int(rest)) for whole, rest in random.integers(900_000, 9_999_999, (500, 2))]
    found = client.sql(
        "with arrayJoin({parts:Array(Tuple(Int64, Int64))}) as part "
        f"select part.1 as whole, part.2 as rest, {queries._total('')} as total",
        {"parts": parts},
    )
    for row in pa.table(found).to_pylist():
        assert row["total"] == float(f"{row['whole']}.{row['rest']:010}"), row


def test_incomplete_periods_are_dropped_kept_or_an_error(client: Client) -> None:
    day: dict[str, Any] = {"start": "2025-06-11", "end": "2025-06-12"}
    dropped = client.bars("BTC/USDT", "1h", **day, **SPOT)
    # The gap is from 02:00 to 04:30.
    assert [time.hour for time in dropped["open_time"].to_pylist()] == [0, 1, *range(5, 24)]
    kept = client.bars("BTC/USDT", "1h", **day, **SPOT, partial="keep")
    four = kept.to_pylist()[2]
    assert (four["open_time"].hour, four["source_bars"], four["expected_bars"]) == (4, 30, 60)
    with pytest.raises(MissingBars, match=r"2025-06-11T02:00:00Z to 2025-06-11T04:30:00Z: 150 x 1m, venue_outage"):
        client.bars("BTC/USDT", "1h", **day, **SPOT, partial="raise")
    assert len(client.bars("BTC/USDT", "1h", "2025-06-10", "2025-06-11", **SPOT, partial="raise")) == 24


def test_gaps_are_kept_filled_or_an_error(client: Client) -> None:
    window: dict[str, Any] = {"start": HOLE[0] - timedelta(minutes=2), "end": HOLE[1] + timedelta(minutes=2)}
    kept = client.bars("BTC/USDT", "1m", **window, **SPOT)
    assert len(kept) == 4
    assert [row["missing_bars"] for row in kept.holes.to_pylist()] == [150]
    assert kept.holes["class"].to_pylist() == ["venue_outage"]
    nulls = client.bars("BTC/USDT", "1m", **window, **SPOT, gaps="null")
    assert len(nulls) == 154
    assert nulls["close"].null_count == nulls["volume"].null_count == 150
    assert nulls["instrument_id"].null_count == 0
    assert nulls["is_filled"].to_pylist() == [False, False, *[True] * 150, False, False]
    carried = client.bars("BTC/USDT", "1m", **window, **SPOT, gaps="ffill").to_pylist()
    before = carried[1]["close"]
    assert {row[name] for row in carried[2:152] for name in ("open", "high", "low", "close")} == {before}
    assert {row["volume"] for row in carried[2:152]} == {None}
    with pytest.raises(MissingBars, match="150 x 1m, venue_outage"):
        client.bars("BTC/USDT", "1m", **window, **SPOT, gaps="raise")
    assert client.bars("BTC/USDT", "1m", HOLE[1], SPOT_END, **SPOT, gaps="raise").holes.num_rows == 0


def test_a_panel_has_every_open_time_and_a_column_an_instrument(client: Client) -> None:
    wide = client.panel("close", list(PERPETUALS), "1h", **PERP)
    ids = [f"binance:perp:{symbol}" for symbol in PERPETUALS]
    assert wide.column_names == ["open_time", *ids]
    assert len(wide) == 43 * 24
    for symbol, one in zip(PERPETUALS, ids, strict=True):
        assert wide[one].to_pylist() == client.bars(symbol, "1h", **PERP)["close"].to_pylist()
    mixed = client.panel("close", None, "1h", SPOT_START, SPOT_END, instruments=["binance:spot:BTC/USDT", ids[0]])
    assert (len(mixed), mixed["binance:spot:BTC/USDT"].null_count) == (6 * 24, 3)


def test_a_period_that_begins_before_the_series_is_part_of_it(client: Client) -> None:
    """The minutes begin on Sunday, 2025-06-08, and end on Friday: both weeks are incomplete."""
    weeks = [datetime(2025, 6, 2, tzinfo=UTC), datetime(2025, 6, 9, tzinfo=UTC)]
    kept = client.bars("BTC/USDT", "1w", **SPOT, partial="keep")
    assert kept["open_time"].to_pylist() == weeks
    filled = client.bars("BTC/USDT", "1w", **SPOT, partial="keep", gaps="null")
    assert filled["close"].to_pylist() == kept["close"].to_pylist()
    wide = client.panel("close", "BTC/USDT", "1w", **SPOT, partial="keep")
    assert wide["binance:spot:BTC/USDT"].to_pylist() == kept["close"].to_pylist()
    dropped = client.bars("BTC/USDT", "1w", **SPOT)
    assert (len(dropped), dropped.holes["gap_start"].to_pylist()[0]) == (0, weeks[0])
    with pytest.raises(MissingBars, match="2025-06-02T00:00:00Z to 2025-06-08T00:00:00Z: 8640 x 1m, not_fetched"):
        client.bars("BTC/USDT", "1w", end="2025-06-09", **SPOT, partial="raise")


CUTS: dict[str, dict[str, Any]] = {
    "beyond the series": {"start": "2025-06-01", "end": "2025-07-15", "chunk": "week"},
    "series of different lengths": {"chunk": "day"},
    "a window inside": {"start": HOLE[0] - timedelta(hours=3), "end": SPOT_END, "chunk": "day"},
}


@pytest.mark.parametrize("gaps", ["keep", "null", "ffill"])
@pytest.mark.parametrize("cut", CUTS)
def test_pieces_are_filled_like_the_whole(client: Client, cut: str, gaps: str) -> None:
    ids = ["binance:spot:BTC/USDT", "binance:perp:ETH/USDT"]
    request: dict[str, Any] = {"instruments": ids, "timeframe": "1h", "gaps": gaps, **CUTS[cut]}
    pieces = list(client.iter_bars(**request))
    request.pop("chunk")
    whole = client.bars(**request)
    for one in ids:
        rows = [row for piece in pieces for row in piece.to_pylist() if row["instrument_id"] == one]
        assert rows == [row for row in whole.to_pylist() if row["instrument_id"] == one]
    lost = sum(sum(piece.holes["missing_bars"].to_pylist()) for piece in pieces)
    assert lost == sum(whole.holes["missing_bars"].to_pylist()) or gaps == "keep"


def test_chunks_concatenated_are_the_whole(client: Client) -> None:
    whole = client.bars(list(PERPETUALS), "1h", **PERP)
    for chunk in ("month", "week", "day"):
        pieces = list(client.iter_bars(list(PERPETUALS), "1h", chunk=chunk, **PERP))
        both = alphaforge_data.concat(pieces).to_arrow()
        ordered = both.append_column("id", both["instrument_id"].cast(pa.string()))
        ordered = ordered.sort_by([("id", "ascending"), ("open_time", "ascending")]).drop_columns(["id"])
        assert ordered.to_pylist() == whole.to_pylist()
    assert len(pieces) == 43


def test_funding_is_joined_as_it_was_known_at_the_close(client: Client) -> None:
    window: dict[str, Any] = {"start": "2025-06-01", "end": "2025-06-03"}
    bars = client.bars("BTC/USDT", "1h", **window, **PERP, columns=["instrument_id", "open_time", "close_time"])
    paid = client.funding("BTC/USDT", venue="binance").to_pylist()
    for row in client.with_funding(bars).to_pylist():
        known = [one for one in paid if one["funding_time"] <= row["close_time"]][-1]
        assert (row["funding_time"], row["funding_rate"]) == (known["funding_time"], known["funding_rate"])
    early = client.bars("BTC/USDT", "1m", SPOT_START, SPOT_END, **SPOT, columns="all")
    assert client.with_funding(early)["funding_rate"].null_count == 0
    with pytest.raises(BadRequest, match="lack close_time"):
        client.with_funding(client.bars("BTC/USDT", "1h", **window, **PERP))


def test_limits_that_were_not_known_yet_stay_null(client: Client) -> None:
    bars = client.bars("BTC/USDT", "1h", "2025-06-01", "2025-06-02", **PERP, columns="all")
    assert client.with_instruments(bars)["tick_size"].null_count == len(bars)
    first = client.instruments(symbol="BTC/USDT", market="perp")["valid_from"].to_pylist()[0]
    closes = pa.array([first, first + timedelta(days=1)], pa.timestamp("ms", "UTC"))
    later = pa.table({"instrument_id": ["binance:perp:BTC/USDT"] * 2, "close_time": closes})
    known = client.with_instruments(Frame(client.snapshot().stamp(later)))
    assert known["tick_size"].null_count == 0


def test_integers_are_signed_and_alike_everywhere(client: Client) -> None:
    values = client.fear_greed().to_pandas()["value"]
    assert (values - 50).min() < 0
    hours = client.funding("BTC/USDT", venue="binance").to_pandas()["interval_hours"]
    assert set(hours.dropna() * 60) == {480}
    counts = client.bars("BTC/USDT", "1h", **PERP).to_pandas()["trade_count"]
    assert counts.diff().min() < 0
    frames = [
        client.bars("BTC/USDT", "1m", **SPOT, columns="all"),
        client.funding("BTC/USDT", venue="binance", columns="all"),
        client.fear_greed(columns="all"),
        client.instruments(columns="all"),
        client.series(),
    ]
    assert {field.type for frame in frames for field in frame.schema if pa.types.is_integer(field.type)} == {pa.int64()}
    assert str(client.fear_greed().to_pandas()["date"].dtype).startswith("datetime64")


def test_libraries_take_a_frame_as_it_is(client: Client) -> None:
    frame = client.bars("BTC/USDT", "1h", **PERP)
    assert pa.table(frame).equals(frame.to_arrow())
    assert pickle.loads(pickle.dumps(frame)).equals(frame)
    arrays = frame.to_numpy()
    assert arrays["open_time"].dtype == "datetime64[ms]"
    assert arrays["close"].tolist() == frame["close"].to_pylist()
    assert "1,032 rows of snapshot 'first'" in repr(frame)
    assert "binance:perp:BTC/USDT" in frame._repr_html_()
    assert list(frame.to_pandas(index="open_time").index) == frame["open_time"].to_pylist()
    with pytest.raises(BadRequest, match="column is 'vwap'"):
        frame["vwap"]


def test_a_client_goes_to_other_processes(published: Published) -> None:
    client = published.connect("first")
    copy = pickle.loads(pickle.dumps(client))
    assert copy.snapshot() == client.snapshot()
    assert len({copy.snapshot(), client.snapshot()}) == 1
    assert published.url not in repr(client)


def test_the_same_methods_for_asyncio(published: Published) -> None:
    async def read() -> tuple[list[Frame], list[Frame]]:
        async with await alphaforge_data.aio.connect(published.url, snapshot_id="first", cache=False) as client:
            wanted = [client.bars(symbol, "1h", **PERP) for symbol in PERPETUALS]
            pieces = [piece async for piece in client.iter_bars("BTC/USDT", "1h", **PERP)]
            return list(await asyncio.gather(*wanted)), pieces

    frames, pieces = asyncio.run(read())
    blocking = published.connect()
    for symbol, frame in zip(PERPETUALS, frames, strict=True):
        assert frame.equals(blocking.bars(symbol, "1h", **PERP))
    assert alphaforge_data.concat(pieces).to_pylist() == frames[0].to_pylist()
    # `aio` of a blocking client is the asynchronous client itself.
    public = {name for name in vars(Client) if not name.startswith("_")} - {"aio"}
    assert public - set(vars(alphaforge_data.aio.AsyncClient)) == set()


def test_what_there_is(client: Client) -> None:
    rows = {(row["dataset"], row["instrument_id"], row["timeframe"]): row for row in client.series().to_pylist()}
    spot = rows["bars", "binance:spot:BTC/USDT", "1m"]
    assert (spot["first"], spot["rows"], spot["missing_venue_outage"]) == (SPOT_START, 6 * 1440 - 150, 150)
    perp = rows["funding", "binance:perp:BTC/USDT", ""]
    assert (perp["rows"], perp["missing_bars"]) == (43 * 3, None)
    assert {key[0] for key in rows} == {"bars", "funding", "instruments", "fear_greed"}
    days = client.condition("bars", "2025-06-11", "2025-06-12", instruments="binance:spot:BTC/USDT")
    assert {(row["timeframe"], row["condition"]) for row in days.to_pylist()} >= {("1m", "degraded")}
    # No category that no row has, such as the '' with which ClickHouse begins a dictionary.
    assert "" not in set(client.condition("bars").to_pandas()["condition"].cat.categories)


def test_a_pin_by_the_time_of_publication(published: Published) -> None:
    client = published.connect("second")
    newest, oldest = client.snapshots().to_pylist()
    middle = oldest["published_at"] + (newest["published_at"] - oldest["published_at"]) / 2
    assert client.snapshot(as_of=middle).snapshot_id == "first"
    assert client.snapshot(as_of=datetime.now(UTC)).snapshot_id == "second"
    with alphaforge_data.connect(published.url, as_of=middle, cache=False) as pinned:
        assert pinned.snapshot().snapshot_id == "first"


def test_diff_names_every_change(client: Client, published: Published) -> None:
    found = client.diff("first", "second")
    assert found.snapshot.snapshot_id == "second"
    rows = found.to_pylist()
    added = [row for row in rows if row["change"] == "added"]
    assert {row["time"] for row in added} == {FIRST_END + timedelta(hours=hour) for hour in range(24)}
    assert len(added) == 24 * len(PERPETUALS)
    closes = [row for row in rows if row["column"] == "close"]
    assert {(row["instrument_id"], row["change"]) for row in closes} == {("binance:perp:SOL/USDT", "revised")}
    before = client.bars("SOL/USDT", "1h", **PERP).to_pylist()
    old = {row["open_time"]: row["close"] for row in before}
    assert all(row["before"] == str(old[row["time"]]) != row["after"] for row in closes)
    back = client.diff("second", "first", instruments="binance:perp:BTC/USDT")
    assert {row["change"] for row in back.to_pylist()} == {"removed"}
    assert len(client.diff("first", "second", dataset="fear_greed")) == 0
    assert published.market.seed == 7


def test_sql_with_and_without_the_pin(client: Client) -> None:
    pinned = client.sql(
        "select count() as bars from marts.v_bars_at(snapshot_id = {snapshot_id:String}) where timeframe = {tf:String}",
        {"tf": "1m"},
    )
    assert isinstance(pinned, Frame)
    assert (pinned["bars"].to_pylist(), pinned.snapshot.snapshot_id) == ([6 * 1440 - 150], "first")
    assert client.sql("select 1 as one").to_pylist() == [{"one": 1}]
    assert START < FIRST_END
