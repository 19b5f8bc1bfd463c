"""What a researcher reads from the published views."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import alphaforge_data
from alphaforge_data import BadRequest, Frame, snapshot_of
from dlt_pipelines.core.time_grid import to_ms
from tests.alphaforge_data.published import (
    END,
    FIRST_END,
    HOLE,
    PERPETUALS,
    REVISED,
    REVISED_DAY,
    SPOT_END,
    SPOT_START,
    START,
    Published,
)


def bars(client: alphaforge_data.Client, symbol: str = "BTC/USDT", **more: Any) -> Frame:
    return client.bars(symbol, "1h", START, END, venue="binance", market="perp", **more)


def test_bars_are_the_markets_own_value_by_value(published: Published) -> None:
    client = published.connect()
    for symbol in PERPETUALS:
        served = published.market.bars("binance", "perp", symbol, "1h", to_ms(START), to_ms(FIRST_END))
        table = bars(client, symbol)
        assert table.num_rows == len(served) == 43 * 24
        for name in ("open", "high", "low", "close", "volume", "quote_volume"):
            assert table[name].to_pylist() == [float(getattr(bar, name)) for bar in served], name
        assert table["trade_count"].to_pylist() == [bar.trades for bar in served]
        assert table["open_time"].cast(pa.int64()).to_pylist() == [bar.open_time for bar in served]


def test_start_is_inclusive_and_end_exclusive(published: Published) -> None:
    table = published.connect().bars(
        "BTC/USDT", "1h", "2025-06-01T00:00Z", "2025-06-01T05:00+02:00", venue="binance", market="perp"
    )
    assert table["open_time"].to_pylist() == [datetime(2025, 6, 1, hour, tzinfo=UTC) for hour in (0, 1, 2)]


def test_columns_filled_in_here_equal_those_of_the_view(published: Published) -> None:
    table = bars(published.connect(), columns="all")
    names = ", ".join(table.column_names)
    with published.warehouse.client() as admin:
        answer = admin.query_arrow(
            f"select {names} from marts.v_bars where snapshot_id = 'first' and instrument_id = {{id:String}} "
            "order by open_time",
            parameters={"id": "binance:perp:BTC/USDT"},
            use_strings=True,
        )
    assert table.to_pylist() == answer.to_pylist()


def test_only_the_columns_asked_for_in_their_order(published: Published) -> None:
    table = bars(published.connect(), columns=["symbol", "close", "snapshot_id"])
    assert table.column_names == ["symbol", "close", "snapshot_id"]
    assert set(table["symbol"].to_pylist()) == {"BTC/USDT"}
    assert bars(published.connect(), columns="venue").num_rows == table.num_rows


def test_several_series_come_one_after_the_other(published: Published) -> None:
    wanted = ["binance:perp:SOL/USDT", "binance:spot:BTC/USDT", "binance:perp:BTC/USDT"]
    table = published.connect().bars(instruments=wanted[::2], start=START, end=END)
    ids = table["instrument_id"].to_pylist()
    assert list(dict.fromkeys(ids)) == wanted[::2]
    assert len(ids) == 2 * 43 * 24
    frame = table.to_pandas()
    assert frame.groupby("instrument_id", observed=True)["open_time"].is_monotonic_increasing.all()


def test_a_pin_never_changes_while_the_newest_snapshot_moves_on(published: Published) -> None:
    first, second = bars(published.connect("first"), REVISED), bars(published.connect("second"), REVISED)
    assert first.num_rows + 24 == second.num_rows
    before = {row["open_time"]: row["close"] for row in first.to_pylist()}
    after = {row["open_time"]: row["close"] for row in second.to_pylist()}
    changed = {time for time in before if before[time] != after[time]}
    assert changed == {REVISED_DAY + timedelta(hours=hour) for hour in range(24)}
    assert bars(published.connect(None), REVISED).equals(second)
    assert bars(published.connect("second"), REVISED, snapshot_id="first").equals(first)


def test_every_answer_names_its_snapshot(published: Published, tmp_path: object) -> None:
    client = published.connect(None)
    newest = client.snapshot()
    assert newest.snapshot_id == "second"
    window: dict[str, Any] = {"start": START, "end": END}
    answers = [
        bars(client),
        client.funding("BTC/USDT", venue="binance", **window),
        client.fear_greed("2025-06-01", "2025-06-05"),
        client.instruments(),
        client.gaps("BTC/USDT", "1h", venue="binance", market="perp", **window),
    ]
    for table in answers:
        assert snapshot_of(table).identity == newest.identity
        assert table.schema.metadata[b"snapshot_id"] == b"second"
        assert snapshot_of(table.to_pandas()).identity == newest.identity
    pq.write_table(answers[0].to_arrow().slice(3, 4), f"{tmp_path}/bars.parquet")
    assert snapshot_of(pq.read_table(f"{tmp_path}/bars.parquet")).snapshot_id == "second"
    with pytest.raises(BadRequest, match="does not name its snapshot"):
        snapshot_of(pa.table({"close": [1.0]}))


def test_rows_of_two_snapshots_are_not_stamped_as_one(published: Published) -> None:
    first, second = bars(published.connect("first"), REVISED), bars(published.connect("second"), REVISED)
    with pytest.raises(BadRequest, match="several tables were concatenated"):
        snapshot_of(pa.concat_tables([first.to_arrow(), second.to_arrow()]))
    with pytest.raises(BadRequest, match="different snapshots"):
        alphaforge_data.concat([first, second])
    other = bars(published.connect("first"))
    both = alphaforge_data.concat([first, other])
    assert (len(both), both.snapshot) == (len(first) + len(other), first.snapshot)


def test_funding_is_what_was_paid(published: Published) -> None:
    table = published.connect().funding(["BTC/USDT", "SOL/USDT"], START, FIRST_END, venue="binance")
    served = [
        event
        for symbol in ("BTC/USDT", "SOL/USDT")
        for event in published.market.funding("binance", symbol, to_ms(START), to_ms(FIRST_END))
    ]
    assert table["funding_rate"].to_pylist() == [float(event.rate) for event in served]
    minutes = {time.second + time.microsecond for time in table["funding_time"].to_pylist()}
    assert minutes == {0}


def test_fear_and_greed_by_day(published: Published) -> None:
    table = published.connect().fear_greed("2025-06-01", datetime(2025, 6, 4, tzinfo=UTC))
    assert [str(day) for day in table["date"].to_pylist()] == ["2025-06-01", "2025-06-02", "2025-06-03"]
    assert all(0 <= value <= 100 for value in table["value"].to_pylist())


def test_instruments_as_they_were_known_at_an_instant(published: Published) -> None:
    client = published.connect()
    now = client.instruments(venue="binance", market="perp", symbol="BTC/USDT")
    assert now["instrument_id"].to_pylist() == ["binance:perp:BTC/USDT"]
    seen = now["valid_from"].to_pylist()[0]
    assert client.instruments(market="perp", symbol="BTC/USDT", at=seen).equals(now)
    with pytest.raises(BadRequest, match=r"the first state in snapshot 'first' of .* is of"):
        client.instruments(at=seen - timedelta(days=1))
    assert client.instruments(history=True).num_rows >= client.instruments().num_rows > 0


def test_a_gap_is_reported_to_the_minute(published: Published) -> None:
    client = published.connect()
    table = client.gaps("BTC/USDT", "1m", SPOT_START, SPOT_END, venue="binance")
    assert [tuple(row.values())[2:] for row in table.to_pylist()] == [(*HOLE, 150, "venue_outage")]
    inside = client.gaps("BTC/USDT", "1m", HOLE[0] + timedelta(minutes=10), HOLE[1], venue="binance")
    assert inside["missing_bars"].to_pylist() == [140]
    hour = timedelta(hours=1)
    early = client.gaps("BTC/USDT", "1m", SPOT_START - hour, SPOT_START + hour, venue="binance")
    assert (early["missing_bars"].to_pylist(), early["class"].to_pylist()) == ([60], ["not_fetched"])
    assert client.gaps("BTC/USDT", "1m", SPOT_START, SPOT_START + hour, venue="binance").num_rows == 0


def test_extent_is_the_range_of_a_series(published: Published) -> None:
    extent = published.connect().extent(["BTC/USDT", "BNB/USDT"], "1h", venue="binance", market="perp").to_pylist()
    assert extent[0]["first_open_time"] == START
    assert extent[0]["last_close_time"] == FIRST_END
    assert extent[1] == {**extent[1], "first_open_time": None, "last_close_time": None, "bars": 0}


def test_snapshots_are_listed_newest_first(published: Published) -> None:
    table = published.connect().snapshots()
    assert table["snapshot_id"].to_pylist() == ["second", "first"]
    assert published.connect().snapshots(1).num_rows == 1
