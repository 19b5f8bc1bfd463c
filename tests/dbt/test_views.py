"""What readers see: the contract of the views, point-in-time instruments, funding intervals, classes of gaps."""

from datetime import timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.dbt.conftest import Dbt
from tests.dbt.pages import MINUTE, START, kline, land, land_klines, milliseconds

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TEXT, PRICE, MAYBE = "LowCardinality(String)", "Float64", "Nullable(Float64)"
MAYBE_TEXT = "LowCardinality(Nullable(String))"
TIME, CLOCK = "DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')"
PIN = {"snapshot_id": "LowCardinality(String)", "data_version": "Int64"}
SERIES = {"instrument_id": TEXT, "venue": TEXT, "market": TEXT, "symbol": TEXT}
CONTRACT = {
    "bars": PIN
    | SERIES
    | {"timeframe": TEXT, "open_time": TIME, "close_time": TIME}
    | dict.fromkeys(("open", "high", "low", "close", "volume"), PRICE)
    | {"quote_volume": MAYBE, "trade_count": "Nullable(Int64)", "source": TEXT, "ingested_at": CLOCK},
    "funding": PIN
    | {"instrument_id": TEXT, "venue": TEXT, "symbol": TEXT, "funding_time": TIME, "funding_time_raw": TIME}
    | {"funding_rate": PRICE, "interval_hours": "Nullable(Int64)", "mark_price": MAYBE, "ingested_at": CLOCK},
    "instruments": PIN
    | SERIES
    | {"venue_symbol": "String", "base": TEXT, "quote": TEXT, "settle": TEXT, "status": TEXT}
    | dict.fromkeys(("tick_size", "lot_size", "lot_size_base", "min_qty", "min_qty_base"), MAYBE)
    | dict.fromkeys(("min_notional", "contract_size"), MAYBE)
    | {"listed_at": f"Nullable({TIME})", "valid_from": TIME, "valid_to": f"Nullable({TIME})"},
    "fear_greed": PIN | {"date": "Date", "value": "Int64", "classification": MAYBE_TEXT, "ingested_at": CLOCK},
}


def listing(*symbols: tuple[str, str, str]) -> dict[str, Any]:
    """exchangeInfo of Binance spot; a symbol is (base, status, tick)."""
    return {
        "symbols": [
            {
                "symbol": f"{base}USDT",
                "status": status,
                "baseAsset": base,
                "quoteAsset": "USDT",
                "filters": [{"filterType": "PRICE_FILTER", "tickSize": tick}],
            }
            for base, status, tick in symbols
        ]
    }


def funding(*hours: int) -> list[dict[str, Any]]:
    """Payments of Binance at whole hours after START, a few ms late."""
    return [
        {"fundingTime": milliseconds(START + hour * HOUR) + 7, "fundingRate": "0.0001", "markPrice": ""}
        for hour in hours
    ]


@pytest.fixture(scope="module")
def filled(module_dbt: Dbt) -> Dbt:
    client = module_dbt.warehouse.client("ingest")
    spot = ("binance", "spot", "", "")
    # Bars 0..4 and 8..9: the gap at 5 was requested, the gap at 10..11 was not, 12 exists, 13 was requested.
    land_klines(client, [kline(0), kline(4)], START + DAY, symbol="ETH/USDT")
    land_klines(client, [kline(number) for number in (0, 1, 2, 3, 4, 8, 9)], START + DAY)
    land(
        client,
        "binance__spot_klines",
        [kline(12)],
        START + DAY,
        series=("binance", "spot", "BTC/USDT", "1m"),
        window=(START + 12 * MINUTE, START + 14 * MINUTE),
    )
    first = listing(("BTC", "TRADING", "0.01"), ("ETH", "TRADING", "0.01"), ("DOGE", "TRADING", "1"))
    land(client, "binance__spot_instruments", first, START - DAY, series=spot)
    land(client, "binance__spot_instruments", first, START, series=spot)
    land(
        client,
        "binance__usdm_funding",
        funding(0, 8, 16, 20, 24, 40),
        START + 3 * DAY,
        series=("binance", "perp", "BTC/USDT", ""),
    )
    words: list[dict[str, Any]] = [{"value_classification": "Greed"}, {"value_classification": None}, {}]
    fear = {
        "data": [
            {"value": "72", "timestamp": str(milliseconds(START + day * DAY) // 1000)} | word
            for day, word in enumerate(words)
        ]
    }
    land(client, "alternative_me__fear_greed", fear, START + 3 * DAY, series=("alternative_me", "", "", ""))
    module_dbt.publish("first", snapshot_note="it's the first", code_revision="abc123")

    # ETH is halted within its gap; BTC disappears from a full listing, and a partial one without it changes nothing.
    second = listing(("ETH", "BREAK", "0.01"))
    land(client, "binance__spot_instruments", second, START + MINUTE, series=spot)
    partial = listing(("BTC", "TRADING", "0.1"))
    land(
        client,
        "binance__spot_instruments",
        partial,
        START + DAY,
        series=spot,
        request_params='{"symbols": ["BTCUSDT"]}',
    )
    module_dbt.publish("second")
    return module_dbt


@pytest.mark.parametrize("dataset", CONTRACT)
def test_each_form_of_a_view_has_the_columns_of_the_contract(filled: Dbt, dataset: str) -> None:
    for source in (f"v_{dataset}", f"v_{dataset}_at(snapshot_id = 'first')", f"v_{dataset}_latest"):
        described = filled.warehouse.rows(f"describe table (select * from marts.{source})")
        assert {row[0]: row[1] for row in described} == CONTRACT[dataset], source
        assert list(CONTRACT[dataset]) == [row[0] for row in described], source


def test_a_researcher_reads_every_view_and_no_table(filled: Dbt) -> None:
    researcher = filled.warehouse.client("researcher")
    for dataset in CONTRACT:
        pinned = researcher.query(f"select count() from marts.v_{dataset} where snapshot_id = 'first'").result_rows
        fast = researcher.query(f"select count() from marts.v_{dataset}_at(snapshot_id = 'first')").result_rows
        assert pinned == fast
        assert pinned[0][0] > 0
    with pytest.raises(DatabaseError, match="Not enough privileges"):
        researcher.query("select count() from marts.bars")


def test_dbt_shows_every_reader_view(filled: Dbt) -> None:
    """Parameterized ones for the newest snapshot, or the one given by a variable."""
    shown = filled.run("show", "--select", "tag:reader", "--indirect-selection", "empty", "--limit", "2")
    assert shown.succeeded, shown.text
    view = ("show", "--select", "v_fear_greed_at", "--limit", "2", "--output", "json")
    assert '"snapshot_id": "second"' in filled.run(*view).text
    assert '"snapshot_id": "first"' in filled.run(*view, snapshot_id="first").text


def test_an_unknown_snapshot_is_an_error(filled: Dbt) -> None:
    with pytest.raises(DatabaseError, match="unknown snapshot_id"):
        filled.bars("frist")


def test_the_registry_describes_a_snapshot(filled: Dbt) -> None:
    said = "select data_version, row_counts, code_revision, note from marts.v_snapshots where snapshot_id = 'first'"
    counts = {"bars": 10, "fear_greed": 3, "funding": 6, "instruments": 2}
    assert filled.warehouse.rows(said) == [(1, counts, "abc123", "it's the first")]


def test_a_day_without_a_classification_is_published_and_its_classification_is_null(filled: Dbt) -> None:
    for source in ("v_fear_greed where snapshot_id = 'first'", "v_fear_greed_at(snapshot_id = 'first')"):
        rows = filled.warehouse.rows(f"select value, classification from marts.{source} order by date")
        assert rows == [(72, "Greed"), (72, None), (72, None)], source


def test_instruments_are_a_history_of_states(filled: Dbt) -> None:
    states = (
        "select base, status, tick_size, toString(valid_from), toString(valid_to) from "
        "marts.v_instruments_at(snapshot_id = {id:String}) order by base, valid_from"
    )
    begin, changed, later = "2024-12-31 00:00:00.000", "2025-01-01 00:01:00.000", "2025-01-02 00:00:00.000"
    assert filled.warehouse.rows(states, id="first") == [
        ("BTC", "trading", 0.01, begin, None),
        ("ETH", "trading", 0.01, begin, None),
    ]
    assert filled.warehouse.rows(states, id="second") == [
        ("BTC", "trading", 0.01, begin, changed),
        ("BTC", "delisted", 0.01, changed, later),
        ("BTC", "trading", 0.1, later, None),
        ("ETH", "trading", 0.01, begin, changed),
        ("ETH", "halted", 0.01, changed, None),
    ]


def test_funding_intervals_follow_the_payments(filled: Dbt) -> None:
    rows = filled.warehouse.rows(
        "select toHour(funding_time) + 24 * (toDayOfMonth(funding_time) - 1), interval_hours "
        "from marts.v_funding_latest order by funding_time"
    )
    assert rows == [(0, 8), (8, 8), (16, 8), (20, 4), (24, 4), (40, None)]


def test_gaps_are_explained_not_filled(filled: Dbt) -> None:
    gaps = filled.warehouse.rows(
        "select symbol, dateDiff('minute', toDateTime({start:DateTime64(3, 'UTC')}, 'UTC'), gap_start) as minute, "
        "missing_bars, class from marts.v_bar_gaps where gap_start >= {start:DateTime64(3, 'UTC')} "
        "order by symbol, minute",
        start=START,
    )
    assert gaps == [
        ("BTC/USDT", 5, 3, "after_delisting"),
        ("BTC/USDT", 10, 2, "not_fetched"),
        ("BTC/USDT", 13, 1, "after_delisting"),
        ("ETH/USDT", 1, 3, "halted"),
    ]
    head = (
        "select symbol, class, toString(gap_start), toString(gap_end) from marts.v_bar_gaps "
        "where gap_start < {start:DateTime64(3, 'UTC')} order by symbol"
    )
    begin, end = "2021-01-01 00:00:00.000", "2025-01-01 00:00:00.000"
    assert filled.warehouse.rows(head, start=START) == [
        ("BTC/USDT", "not_fetched", begin, end),
        ("ETH/USDT", "not_fetched", begin, end),
    ]


@pytest.mark.parametrize(
    "view",
    [
        "stg_binance__spot_bars",
        "stg_binance__funding",
        "stg_binance__spot_instruments",
        "stg_alternative_me__fear_greed",
    ],
)
def test_a_build_reads_the_payloads_of_its_own_pages_only(filled: Dbt, view: str) -> None:
    """The condition on page_id is pushed down to the scan of the raw table, through view, array join and union."""
    plan = filled.warehouse.rows(
        f"explain actions = 1 select * from (select * from staging.{view} union all select * from staging.{view}) "
        "where page_id in (select page_id from ops.build_pages where mart = 'bars' and done = 0 and version = 1)"
    )
    conditions = [str(row[0]) for row in plan if "Prewhere filter column" in str(row[0])]
    assert len([line for line in conditions if "page_id" in line and " IN subquery" in line]) == 2, conditions
