"""Conflicting rows for one key, in one page or in pages of equal rank: set aside, reported, blocking until resolved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from tests.audits.seeding import DAY, HOUR, NOW, bar, land_bars, land_fear_greed, land_listing
from tests.dbt.conftest import Dbt, Outcome
from tests.dbt.pages import MINUTE, START, land, land_archive, milliseconds

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

CLOCK = {"now": NOW.isoformat()}
FIRST, SECOND, THIRD = NOW - 4 * DAY, NOW - 3 * DAY, NOW - 2 * DAY
UNREAD = SECOND + HOUR
BARS_WINDOW = (START, START + 5 * MINUTE)
FUNDING_WINDOW = (START, START + DAY)
# Closes by minute. Minute 1 has two different values.
CONTRADICTED = [(0, "100"), (1, "100"), (1, "105"), (2, "100")]
SETTLED = [(0, "100"), (1, "100.5"), (2, "100")]
# Rates by hour, with the mark price if the lane has one.
PAYMENTS_CONTRADICTED = [(0, "0.0001", ""), (8, "0.0002", ""), (8, "0.0003", "100")]
PAYMENTS_SETTLED = [(0, "0.0001", ""), (8, "0.0004", "100")]
CONFLICTS = {
    ("bars", "binance:spot:BTC/USDT", "1m"),
    ("bars", "binance:perp:BTC/USDT", "1m"),
    ("bars", "okx:spot:BTC/USDT", "1m"),
    ("bars", "bybit:spot:BTC/USDT", "1m"),
    ("bars", "coinbase:spot:BTC/USD", "1m"),
    ("bars", "binance:spot:ETH/USDT", "1m"),
    ("bars", "binance:perp:ETH/USDT", "1m"),
    ("bars", "okx:spot:ETH/USDT", "1m"),
    ("funding", "binance:perp:BTC/USDT", ""),
    ("funding", "okx:perp:BTC/USDT", ""),
    ("funding", "binance:perp:ETH/USDT", ""),
    ("funding", "okx:perp:ETH/USDT", ""),
    ("instruments", "binance:spot:SOL/USDT", ""),
    ("fear_greed", "", ""),
}


def land_rest_bars(client: Client, closes: list[tuple[int, str]], fetched_at: datetime) -> None:
    """One page of each venue's REST API."""
    told = [(milliseconds(START + minute * MINUTE), close) for minute, close in closes]
    klines = [bar(START + minute * MINUTE, close) for minute, close in closes]
    okx = [[str(ms), *[c] * 4, "2", str(2 * float(c)), "0", "1"] for ms, c in told]
    bybit = [[str(ms), *[c] * 4, "2", str(2 * float(c))] for ms, c in told]
    coinbase = [[ms // 1000, *[float(c)] * 4, 2] for ms, c in told]
    for table, (venue, market, symbol), payload in (
        ("binance__spot_klines", ("binance", "spot", "BTC/USDT"), klines),
        ("okx__spot_candles", ("okx", "spot", "BTC/USDT"), {"code": "0", "data": okx}),
        (
            "bybit__spot_klines",
            ("bybit", "spot", "BTC/USDT"),
            {"retCode": 0, "result": {"category": "spot", "list": bybit}},
        ),
        ("coinbase__spot_candles", ("coinbase", "spot", "BTC/USD"), coinbase),
    ):
        land(client, table, payload, fetched_at, series=(venue, market, symbol, "1m"), window=BARS_WINDOW)


def land_bar_files(client: Client, closes: list[tuple[int, str]], fetched_at: datetime) -> None:
    """One file of each archive."""
    told = [(milliseconds(START + minute * MINUTE), close) for minute, close in closes]
    binance = [f"{ms},{c},{c},{c},{c},2,{ms + 59_999},{2 * float(c)},7,1,100,0" for ms, c in told]
    okx = [f"ETH-USDT,{c},{c},{c},{c},2,{2 * float(c)},0,{ms},1" for ms, c in told]
    for table, (venue, market), lines in (
        ("binance__archive_spot_klines", ("binance", "spot"), binance),
        ("binance__archive_usdm_klines", ("binance", "perp"), binance),
        ("okx__archive_spot_candles", ("okx", "spot"), okx),
    ):
        land_archive(client, table, lines, fetched_at, series=(venue, market, "ETH/USDT", "1m"), window=BARS_WINDOW)


def land_payments(client: Client, payments: list[tuple[int, str, str]], fetched_at: datetime) -> None:
    """One page of each REST API for BTC/USDT, one file of each archive for ETH/USDT."""
    told = [(milliseconds(START + hours * HOUR), rate, mark) for hours, rate, mark in payments]
    binance = [{"fundingTime": ms + 3, "fundingRate": rate, "markPrice": mark} for ms, rate, mark in told]
    okx = {"code": "0", "data": [{"fundingTime": str(ms), "realizedRate": rate} for ms, rate, _ in told]}
    for table, venue, payload in (("binance__usdm_funding", "binance", binance), ("okx__swap_funding", "okx", okx)):
        land(client, table, payload, fetched_at, series=(venue, "perp", "BTC/USDT", ""), window=FUNDING_WINDOW)
    for table, venue, lines in (
        ("binance__archive_usdm_funding", "binance", [f"{ms + 5},8,{rate}" for ms, rate, _ in told]),
        ("okx__archive_swap_funding", "okx", [f"ETH-USDT-SWAP,{rate},{ms}" for ms, rate, _ in told]),
    ):
        land_archive(client, table, lines, fetched_at, series=(venue, "perp", "ETH/USDT", ""), window=FUNDING_WINDOW)


def land_names(client: Client, fetched_at: datetime, *rows: tuple[str, str, str, str, str]) -> None:
    """An exchangeInfo of Binance spot: (venue symbol, base, status, tick, lot)."""
    symbols = [
        {
            "symbol": name,
            "status": status,
            "baseAsset": base,
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick},
                {"filterType": "LOT_SIZE", "stepSize": lot, "minQty": lot},
            ],
        }
        for name, base, status, tick, lot in rows
    ]
    land(client, "binance__spot_instruments", {"symbols": symbols}, fetched_at, series=("binance", "spot", "", ""))


def sow_sound(client: Client) -> None:
    land_bars(client, "BTC/USDT", [bar(START), bar(START + MINUTE, "99")], FIRST)
    land_listing(client, FIRST, ("BTC/USDT", "TRADING", "0.01"), ("SOL/USDT", "TRADING", "0.01"))
    land_fear_greed(client, [(0, "50")], FIRST)
    payment = [{"fundingTime": milliseconds(START), "fundingRate": "0.0001", "markPrice": "100"}]
    series = ("binance", "perp", "XRP/USDT", "")
    land(client, "binance__usdm_funding", payment, FIRST, series=series, window=FUNDING_WINDOW)


def sow_conflicts(client: Client) -> None:
    land_rest_bars(client, CONTRADICTED, SECOND)
    land_bar_files(client, CONTRADICTED, SECOND)
    land_payments(client, PAYMENTS_CONTRADICTED, SECOND)
    land_fear_greed(client, [(0, "50"), (1, "20"), (1, "30")], SECOND)
    # Two pages fetched at the same instant.
    for close in ("100", "105"):
        land_bars(client, "BTC/USDT", [bar(START + MINUTE, close)], SECOND, market="perp")
    # One of them is already in the mart, published.
    land_bars(client, "BTC/USDT", [bar(START, "101")], FIRST)
    # Identical rows are not a conflict.
    land_bars(client, "XRP/USDT", [bar(START), bar(START)], SECOND)
    land_bars(client, "XRP/USDT", [bar(START)], SECOND)
    land_names(
        client,
        SECOND,
        ("BTCUSDT", "BTC", "TRADING", "0.02", "0.1"),
        ("BTCUSDT_SETTLED", "BTC", "SETTLING", "0.5", "1"),
        ("XRPUSDTNEW", "XRP", "TRADING", "0.5", "1"),
        ("XRPUSDT", "XRP", "TRADING", "0.03", "0.1"),
        ("SOLUSDT_A", "SOL", "TRADING", "0.04", "0.1"),
        ("SOLUSDT_B", "SOL", "TRADING", "0.05", "0.1"),
    )


def sow_unreadable(client: Client) -> None:
    """Bars and payments of every venue and lane with an optional value that is negative or not a number."""
    ms = milliseconds(START)
    okx = [str(ms), *["100"] * 4, "2", "1OO"]
    rows = {
        "binance__spot_klines": [[ms, *["100"] * 4, "2", ms + 59_999, "-1", 7.5, "1", "100", "0"]],
        "binance__usdm_klines": [[ms, *["100"] * 4, "2", ms + 59_999, "200", True, "?", "?", "0"]],
        "okx__spot_candles": {"code": "0", "data": [[*okx, "0", "1"]]},
        "bybit__spot_klines": {"retCode": 0, "result": {"category": "spot", "list": [okx]}},
        "binance__usdm_funding": [{"fundingTime": ms, "fundingRate": "0.0001", "markPrice": "NaN"}],
    }
    lines = {
        "binance__archive_spot_klines": f"{ms},100,100,100,100,2,{ms + 59_999},abc,-7,1,100,0",
        "binance__archive_usdm_klines": f"{ms},100,100,100,100,2,{ms + 59_999},200,many,1,100,0",
        "okx__archive_spot_candles": f"LTC-USDT,100,100,100,100,2,?,0,{ms},1",
    }
    for table, payload in rows.items():
        series = (table.split("_")[0], "perp" if "usdm" in table else "spot", "BNB/USDT")
        land(client, table, payload, UNREAD, series=(*series, "" if "funding" in table else "1m"), window=BARS_WINDOW)
    for table, line in lines.items():
        archived = (table.split("_")[0], "perp" if "usdm" in table else "spot", "LTC/USDT", "1m")
        land_archive(client, table, [line], UNREAD, series=archived, window=BARS_WINDOW)


def sow_answers(client: Client) -> None:
    land_rest_bars(client, SETTLED, THIRD)
    land_bar_files(client, SETTLED, THIRD)
    land_bars(client, "BTC/USDT", [bar(START + MINUTE, "100.5")], THIRD, market="perp")
    land_names(
        client,
        THIRD,
        ("BTCUSDT", "BTC", "TRADING", "0.02", "0.1"),
        ("XRPUSDT", "XRP", "TRADING", "0.03", "0.1"),
        ("SOLUSDT", "SOL", "TRADING", "0.06", "0.1"),
    )
    # OKX and the archives resolve their payments; Binance's API and the index do not.
    told = [(milliseconds(START + hours * HOUR), rate) for hours, rate, _ in PAYMENTS_SETTLED]
    okx = {"code": "0", "data": [{"fundingTime": str(ms), "realizedRate": rate} for ms, rate in told]}
    land(client, "okx__swap_funding", okx, THIRD, series=("okx", "perp", "BTC/USDT", ""), window=FUNDING_WINDOW)
    for table, venue, lines in (
        ("binance__archive_usdm_funding", "binance", [f"{ms + 5},8,{rate}" for ms, rate in told]),
        ("okx__archive_swap_funding", "okx", [f"ETH-USDT-SWAP,{rate},{ms}" for ms, rate in told]),
    ):
        land_archive(client, table, lines, THIRD, series=(venue, "perp", "ETH/USDT", ""), window=FUNDING_WINDOW)


def withhold(client: Client, dataset: str, instrument: str, first: datetime, end: datetime) -> None:
    row: dict[str, object] = {
        "quarantine_id": f"q-{dataset}",
        "action": "quarantine",
        "dataset": dataset,
        "instrument_id": instrument,
    }
    row |= {"range_start": first, "range_end": end, "reason": "the venue insists", "author": "ada"}
    client.insert("ops.quarantine", [list(row.values())], column_names=list(row))


@dataclass
class Line:
    """The warehouse after three builds: valid, refused, and resolved or withheld; findings by build."""

    dbt: Dbt
    refused: Outcome
    shown: Outcome

    def findings(self, run: int, severity: str) -> list[tuple[Any, ...]]:
        return self.dbt.warehouse.rows(
            "select dataset, instrument_id, timeframe, rows, detail, rows_sql from marts.dq_audit_results "
            "where run = {r:UInt32} and severity = {s:String} and audit = 'conflicting_rows'",
            r=run,
            s=severity,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.dbt.warehouse.rows(query)


@pytest.fixture(scope="module")
def line(module_dbt: Dbt) -> Line:
    client = module_dbt.warehouse.client("ingest")
    sow_sound(client)
    module_dbt.publish("sound", **CLOCK)
    sow_conflicts(client)
    sow_unreadable(client)
    refused = module_dbt.build("conflicts", **CLOCK)
    sow_answers(client)
    with module_dbt.warehouse.client("transform") as deciding:
        withhold(deciding, "funding", "binance:perp:BTC/USDT", START + 8 * HOUR, START + 9 * HOUR)
        withhold(deciding, "fear_greed", "", START + DAY, START + 2 * DAY)
    return Line(module_dbt, refused, module_dbt.build("settled", **CLOCK))


def test_each_conflict_blocks_and_is_named_under_its_dataset(line: Line):
    assert not line.refused.succeeded
    found = line.findings(2, "error")
    assert {row[:3] for row in found} == CONFLICTS
    errors = "select distinct audit from marts.dq_audit_results where run = 2 and severity = 'error'"
    assert line.rows(errors) == [("conflicting_rows",)]
    assert line.rows("select snapshot_id from marts.v_snapshots order by 1") == [("settled",), ("sound",)]
    for dataset, instrument, _, rows, detail, sql in found:
        assert sum(row[6] for row in line.rows(sql)) == rows >= 2, sql
        assert detail.startswith(f"{dataset}: ")
        if instrument == "okx:spot:BTC/USDT":
            assert "open is 100 and 105" in detail
        if (dataset, instrument) == ("funding", "binance:perp:BTC/USDT"):
            assert "funding_rate is 0.0002 and 0.0003" in detail


def test_none_of_the_rows_is_in_the_marts(line: Line):
    second = "select count() from marts.{} where ingested_at = '2025-01-08 00:00:00' and {}"
    assert line.rows(second.format("bars", "toMinute(open_time) = 1")) == [(0,)]
    assert line.rows(second.format("bars", "toMinute(open_time) in (0, 2)")) == [(14,)]
    assert line.rows(second.format("funding_rates", "toHour(funding_time) = 8")) == [(0,)]
    assert line.rows(second.format("funding_rates", "toHour(funding_time) = 0")) == [(4,)]
    assert line.rows(second.format("fear_greed", "date = '2025-01-02'")) == [(0,)]
    assert line.rows(second.format("instruments", "base = 'SOL'")) == [(0,)]
    # The published row stays, and identical rows are stored once.
    kept = (
        "select close from marts.v_bars_at(snapshot_id = 'settled') "
        "where instrument_id = 'binance:spot:{}/USDT' and toMinute(open_time) = 0"
    )
    assert line.rows(kept.format("BTC")) == [(100.0,)]
    assert line.rows(kept.format("XRP")) == [(100.0,)]


def test_the_traded_contract_and_the_name_that_bars_are_fetched_by_count(line: Line):
    states = line.rows(
        "select base, venue_symbol, status, tick_size from marts.instruments final "
        "where ingested_at = '2025-01-08 00:00:00' order by 1"
    )
    assert states == [("BTC", "BTCUSDT", "trading", 0.02), ("XRP", "XRPUSDT", "trading", 0.03)]


def test_a_later_answer_settles(line: Line):
    assert line.shown.succeeded, line.shown.text
    assert line.findings(3, "error") == []
    closes = line.rows(
        "select distinct close from marts.v_bars_at(snapshot_id = 'settled') where toMinute(open_time) = 1"
    )
    assert closes == [(100.5,)]
    rates = line.rows(
        "select instrument_id, funding_rate from marts.v_funding_at(snapshot_id = 'settled') "
        "where toHour(funding_time) = 8 order by 1"
    )
    assert rates == [(name, 0.0004) for name in ("binance:perp:ETH/USDT", "okx:perp:BTC/USDT", "okx:perp:ETH/USDT")]
    assert line.rows("select close from marts.v_bars_at(snapshot_id = 'sound') order by open_time") == [(100,), (99,)]


def test_what_is_withheld_makes_its_day_no_sound_one(line: Line):
    assert {row[:3] for row in line.findings(3, "warn")} == {
        ("funding", "binance:perp:BTC/USDT", ""),
        ("fear_greed", "", ""),
    }
    days = line.rows(
        "select dataset, toString(condition), reason from marts.v_dataset_condition "
        "where (dataset = 'funding' and instrument_id = 'binance:perp:BTC/USDT' and day = '2025-01-01') "
        "or (dataset = 'fear_greed' and day = '2025-01-02') order by 1"
    )
    assert [row[:2] for row in days] == [("fear_greed", "missing"), ("funding", "degraded")]
    assert all("conflicting_rows" in row[2] for row in days)


# Series by instrument: what cannot be read, and (quote_volume, trade_count) or the mark price.
UNREADABLE = {
    "binance:spot:BNB/USDT": ("quote_volume cannot be read: -1; trade_count cannot be read: 7.5", (None, None)),
    "binance:perp:BNB/USDT": ("trade_count cannot be read: 1", (200.0, None)),
    "okx:spot:BNB/USDT": ("quote_volume cannot be read: 1OO", (None, None)),
    "bybit:spot:BNB/USDT": ("quote_volume cannot be read: 1OO", (None, None)),
    "binance:spot:LTC/USDT": ("quote_volume cannot be read: abc; trade_count cannot be read: -7", (None, None)),
    "binance:perp:LTC/USDT": ("trade_count cannot be read: many", (200.0, None)),
    "okx:spot:LTC/USDT": ("quote_volume cannot be read: ?", (None, None)),
}


def test_an_optional_value_that_cannot_be_read_is_null_and_stops_nothing(line: Line):
    """For every venue and lane, bars and payments: published, reported, and the day is not available."""
    for run in (2, 3):
        found = line.rows(
            "select audit, instrument_id, detail, rows_sql from marts.dq_audit_results "
            f"where run = {run} and severity = 'warn' and audit in ('bars_readable', 'funding_readable')"
        )
        texts = {instrument: text for instrument, (text, _) in UNREADABLE.items()}
        assert {row[1]: row[2] for row in found if row[0] == "bars_readable"} == {
            instrument: f"1 rows, such as: {text}" for instrument, text in texts.items()
        }
        assert [row[1:3] for row in found if row[0] == "funding_readable"] == [
            ("binance:perp:BNB/USDT", "1 rows, such as: mark_price cannot be read: NaN")
        ]
        assert all(len(line.rows(row[3])) == 1 for row in found)
    shown = line.rows(
        "select instrument_id, close, volume, quote_volume, trade_count from marts.v_bars_at(snapshot_id = 'settled') "
        "where symbol in ('BNB/USDT', 'LTC/USDT')"
    )
    assert {row[0]: row[1:] for row in shown} == {
        instrument: (100.0, 2.0, *values) for instrument, (_, values) in UNREADABLE.items()
    }
    paid = "select funding_rate, mark_price from marts.v_funding_at(snapshot_id = 'settled') where symbol = 'BNB/USDT'"
    assert line.rows(paid) == [(0.0001, None)]
    days = line.rows(
        "select toString(condition), reason from marts.v_dataset_condition "
        "where instrument_id = 'binance:perp:BNB/USDT' and dataset = 'funding' and day = '2025-01-01'"
    )
    assert [row[0] for row in days] == ["degraded"]
    assert "funding_readable" in days[0][1]


# Columns as rows have them that were stored before the column existed, by mart.
ADDED_LATER = {
    "bars": "quote_volume = null, trade_count = null",
    "funding_rates": "mark_price = null",
    "instruments": "tick_size = null, min_qty = null",
}


def test_columns_are_filled_from_raw_and_other_values_stay_contradictions(line: Line):
    """The last test of this module: it changes stored rows, as docs/adding_a_column.md says of a column added later."""
    admin, done = line.dbt.warehouse.client(), "settings mutations_sync = 2"
    # A later fetch with the same values supersedes a row that lacks some of them.
    values = "* except (valid_from_version, source, ingested_at)"
    rows = f"select {values} from marts.{{}} final where valid_to_version = 4294967295 order by all"
    before = {mart: line.rows(rows.format(mart)) for mart in ADDED_LATER}
    for mart, changes in ADDED_LATER.items():
        admin.command(f"alter table marts.{mart} update {changes} where 1 {done}")
        assert line.rows(rows.format(mart)) != before[mart], mart
    wrong = "instrument_id = 'bybit:spot:BTC/USDT' and toMinute(open_time) = 1"
    admin.command(f"alter table marts.bars update close = 99 where {wrong} {done}")
    admin.command(f"alter table ops.build_pages delete where 1 {done}")
    index = line.rows(rows.format("fear_greed"))
    built = line.dbt.run("run", "--select", *ADDED_LATER, "fear_greed", **CLOCK)
    assert built.succeeded, built.text

    version = line.rows("select max(version) from ops.builds")[0][0]
    for mart in ADDED_LATER:
        after = line.rows(rows.format(mart))
        assert len(after) == len(before[mart])
        assert len(set(before[mart]) - set(after)) == (1 if mart == "bars" else 0), mart
        # Each value is a revision: what older pins show is still there, closed by this build.
        revised = f"from marts.{mart} final where valid_from_version = {version}"
        closed = f"from marts.{mart} final where valid_to_version = {version}"
        assert line.rows(f"select count() {revised}") == line.rows(f"select count() {closed}")
        assert line.rows(f"select count() > 0 {revised}") == [(True,)], mart
    assert line.rows(rows.format("fear_greed")) == index
    assert line.rows(f"select close, quote_volume from marts.bars final where {wrong}") == [(99.0, None)]
    named = f"select difference from marts.dq_conflicting_rows where version = {version} and {wrong.split(' and ')[0]}"
    found = [text for (text,) in line.rows(named) if "close is 100.5 and 99" in text]
    assert len(found) == 1, line.rows(named)
