"""Real recordings come out of the server as they were sent. (Golden values retyped from the files' sources.)"""

import csv
import gzip
from decimal import Decimal

import pytest

from replay.clock import Clock, parse_instant
from replay.recordings import RecordedMarket, catalog
from replay.server import ReplayServer

HOUR = 3_600_000


@pytest.fixture(scope="module")
def server(recorded):
    with ReplayServer(recorded, clock=Clock.fixed("2026-09-01T00:00Z"), okx_funding_days=None) as running:
        yield running


def test_every_file_of_the_folder_is_served_or_named_with_a_reason(recorded, recordings_folder):
    listed = {file.path for file in catalog.BARS} | {file.path for file in catalog.FUNDING} | set(catalog.SENTIMENT)
    listed |= {path for paths in catalog.INSTRUMENTS.values() for path in paths}
    skipped = recorded.skipped()
    assert not listed & set(skipped)
    there = {str(p.relative_to(recordings_folder)) for p in recordings_folder.rglob("*") if p.is_file()}
    assert there - listed - set(skipped) == set()
    assert skipped["okx/ws/cryptofeed_OKX.ws.1.0.txt.gz"].startswith("WebSocket frames")


def test_a_file_missing_from_the_catalog_is_reported(tmp_path):
    for path in ("binance/new/klines.csv", "kraken/ws/frames.jsonl", "OTHER_PROVENANCE.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert set(RecordedMarket(tmp_path).skipped()) == {"kraken/ws/frames.jsonl", "OTHER_PROVENANCE.md"}


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        RecordedMarket(tmp_path / "nowhere")


def test_minutes_of_2025_come_as_recorded_and_unknown_values_as_null(ask, server):
    url = server.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/klines"
    row = ask(url, symbol="BTCUSDT", interval="1m", startTime=parse_instant("2025-01-01T00:00Z"), limit=1).json[0]
    time = 1735689600000
    prices = ["93576.0", "93610.93", "93537.5", "93610.93", "8.21827"]
    assert row == [time, *prices, time + 59_999, None, None, None, None, "0"]


def test_the_page_over_the_wire_equals_the_file_line_by_line(ask, server, recordings_folder):
    path = recordings_folder / "binance/ohlcv_spot_1m/ETHUSDT_1m_20250101_20250128_ohlcv.csv.gz"
    with gzip.open(path, "rt") as file:
        lines = [row[1:] for row in csv.reader(file)][1:2501]
    url = server.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/klines"
    found, cursor = [], parse_instant("2025-01-01T00:00Z")
    for _ in range(3):
        rows = ask(url, symbol="ETHUSDT", interval="1m", startTime=cursor, limit=1000).json
        found += [row[1:6] for row in rows]
        cursor = rows[-1][0] + 1
    assert found[:2500] == lines


def test_the_outages_of_april_2021_are_gaps(recorded):
    start, end = parse_instant("2021-04-20T01:59Z"), parse_instant("2021-04-20T04:31Z")
    bars = recorded.bars("binance", "spot", "BTC/USDT", "1m", start, end)
    assert [bar.open_time for bar in bars] == [start, end - 60_000]


def test_a_bar_that_was_open_when_recorded_is_never_shown_as_closed(ask, recorded):
    """The last row of the hourly file of 2026 was downloaded at 08:xx on 2026-03-10."""
    last = parse_instant("2026-03-10T08:00Z")
    with ReplayServer(recorded, clock=Clock.fixed("2026-03-10T08:40Z")) as server:
        url = server.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/klines"
        assert ask(url, symbol="BTCUSDT", interval="1h", limit=1).json[0][0] == last
        server.clock.advance(3600)
        assert ask(url, symbol="BTCUSDT", interval="1h", limit=1).json[0][0] == last - HOUR


def test_usd_m_bars_have_quote_volume_and_count_but_no_taker_volume(ask, server):
    url = server.environment["MDW_BINANCE_USDM_URL"] + "/fapi/v1/klines"
    row = ask(url, symbol="BTCUSDT", interval="1h", startTime=1757750400000, limit=1).json[0]
    assert row[1:6] == ["115715.50", "116011.00", "115715.50", "115913.30", "1844.202"]
    assert row[7:11] == ["213658733.84120", 39746, None, None]


def test_okx_swap_snapshots_give_the_latest_word_on_a_bar(recorded):
    """The bar of 2026-08-01 10:00 was 92986.87 contracts until 2026-08-04, then 92981.09."""
    time = parse_instant("2026-08-01T10:00Z")
    (bar,) = recorded.bars("okx", "perp", "BTC/USDT", "1h", time, time + HOUR)
    assert (bar.close, bar.contracts, bar.quote_volume) == ("63029.9", "92981.09", None)


def test_okx_swap_rows_have_null_for_the_quote_volume_that_was_not_recorded(ask, server):
    url = server.environment["MDW_OKX_URL"] + "/api/v5/market/history-candles"
    data = ask(url, instId="BTC-USDT-SWAP", bar="1H", limit=1).json["data"]
    (row,) = data
    assert row[5] is not None
    assert row[7:] == [None, "1"]
    (full,) = ask(url, instId="BTC-USDT-SWAP", bar="1m", after=1747094040000, limit=1).json["data"]
    assert full == [
        "1747093980000",
        "102806",
        "102820.5",
        "102783.1",
        "102806.1",
        "7164.04",
        "71.6404",
        "7364701.57952",
        "1",
    ]


def test_bybit_hours_of_bitcoin_only_with_other_symbols_refused_or_empty(ask, server):
    url = server.environment["MDW_BYBIT_URL"] + "/v5/market/kline"
    first = ask(url, category="spot", symbol="BTCUSDT", interval="60", end=1730419200000).json["result"]["list"]
    assert first == [["1730419200000", "70304.94", "70490.57", "70151.32", "70168.36", "370.240882", None]]
    assert ask(url, category="spot", symbol="ETHUSDT", interval="60").json["result"]["list"] == []
    assert ask(url, category="spot", symbol="SOLUSDT", interval="60").json["retCode"] == 10001


def test_binance_funding_joins_the_api_s_text_with_the_long_file_s_mark_price(ask, server):
    url = server.environment["MDW_BINANCE_USDM_URL"] + "/fapi/v1/fundingRate"
    first = ask(url, symbol="BTCUSDT", startTime=0, limit=1).json
    assert first == [{"symbol": "BTCUSDT", "fundingTime": 1568102400000, "fundingRate": "0.0001", "markPrice": ""}]
    (joined,) = ask(url, symbol="BTCUSDT", startTime=1768262400007, limit=1).json
    assert joined["fundingTime"] == 1768262400007
    assert joined["fundingRate"] == "0.00002245"
    assert float(joined["markPrice"]) > 10_000
    assert ask(url, symbol="ETHUSDT", startTime=0, limit=1).json[0]["markPrice"] is None


def test_where_two_funding_files_meet_they_say_the_same(recorded, recordings_folder):
    long = gzip.decompress((recordings_folder / catalog.FUNDING[5].path).read_bytes()).decode().splitlines()[1:]
    assert len(recorded.funding("binance", "BTC/USDT", 0, 1 << 62)) == len(long) == 7452
    rates = [Decimal(line.split(",")[2]) for line in long]
    assert [Decimal(event.rate) for event in recorded.funding("binance", "BTC/USDT", 0, 1 << 62)] == rates


def test_okx_funding_is_plain_decimal_text_from_both_files(ask, server):
    url = server.environment["MDW_OKX_URL"] + "/api/v5/public/funding-rate-history"
    records = ask(url, instId="BTC-USDT-SWAP").json["data"]
    assert len(records) == 382
    assert records[1]["realizedRate"] == "0.0000351830663184"
    assert records[0]["formulaType"] is None
    assert records[-1]["formulaType"] == "withRate"
    assert not any("e" in record["fundingRate"] for record in records)


def test_okx_funding_history_forgets_after_three_months(ask, recorded):
    with ReplayServer(recorded, clock=Clock.fixed("2026-07-10T00:00Z")) as server:
        url = server.environment["MDW_OKX_URL"] + "/api/v5/public/funding-rate-history"
        oldest = int(ask(url, instId="BNB-USDT-SWAP").json["data"][-1]["fundingTime"])
    assert oldest >= parse_instant("2026-04-09T00:00Z")


def test_instruments_are_the_recorded_ones(ask, server):
    info = ask(server.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/exchangeInfo", symbols='["SOLBTC"]').json
    assert info["symbols"][0]["filters"][0]["tickSize"] == "0.00000010"
    assert info["rateLimits"][0]["limit"] == 1200
    okx = server.environment["MDW_OKX_URL"] + "/api/v5/public/instruments"
    (swap,) = ask(okx, instType="SWAP", instId="BTC-USDT-SWAP").json["data"]
    assert (swap["lotSz"], swap["instFamily"]) == ("0.01", "BTC-USDT")


def test_fear_and_greed_keeps_its_missing_days(ask, server, recorded):
    days = ask(server.environment["MDW_FEAR_GREED_URL"] + "/fng/", limit=0).json["data"]
    times = {int(day["timestamp"]) for day in days}
    assert len(days) == 2931
    assert parse_instant("2024-10-26T00:00Z") // 1000 not in times
    newest, classified = days[0], days[-1]
    assert (newest["value"], newest["value_classification"]) == ("9", None)
    assert (classified["value"], classified["value_classification"]) == ("30", "Fear")


def test_coverage_distinguishes_ranges(recorded):
    minutes = [
        (c.first, c.rows)
        for c in recorded.coverage()
        if (c.venue, c.market, c.symbol, c.timeframe) == ("binance", "spot", "BTC/USDT", "1m")
    ]
    assert minutes == [
        (parse_instant("2021-03-26T03:00Z"), 50_000),
        (parse_instant("2022-11-08T22:31Z"), 999),
        (parse_instant("2025-01-01T00:00Z"), 40_000),
        (parse_instant("2025-10-29T04:22Z"), 4_319),
    ]


def test_every_recorded_bar_is_sound(recorded):
    for entry in recorded.coverage():
        if entry.dataset != "bars":
            continue
        bars = recorded.bars(entry.venue, entry.market, entry.symbol, entry.timeframe, entry.first, entry.last + 1)
        assert len(bars) == entry.rows
        assert all(float(b.low) <= float(b.open) <= float(b.high) for b in bars[::50])
        assert not any("e" in value for bar in bars[::50] for value in bar[1:6])


def test_the_market_is_named_recordings(ask, server):
    answer = ask(server.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/ping")
    assert answer.headers["X-Replay-Market"] == "recordings"
