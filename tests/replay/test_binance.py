"""What a client of Binance sees."""

from itertools import pairwise

from replay.clock import parse_instant

MINUTE = 60_000
NOW = parse_instant("2025-03-12T09:30:30Z")
OPEN = NOW - 30_000


def klines(ask, server, **query):
    query = {"symbol": "BTCUSDT", "interval": "1m"} | query
    return ask(server.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/klines", **query)


def test_the_newest_rows_come_in_ascending_order_and_end_with_the_open_bar(ask, synthetic):
    rows = klines(ask, synthetic, limit=3).json
    assert [row[0] for row in rows] == [OPEN - 2 * MINUTE, OPEN - MINUTE, OPEN]


def test_a_row_has_twelve_fields_with_numbers_for_times_and_count_and_eight_decimals(ask, synthetic):
    (row,) = klines(ask, synthetic, limit=1, endTime=OPEN - 1).json
    assert [type(value) for value in row] == [int, *[str] * 5, int, str, int, str, str, str]
    assert row[6] == row[0] + MINUTE - 1
    assert all(len(value.split(".")[1]) == 8 for value in (*row[1:6], row[7], row[9], row[10]))


def test_the_open_bar_is_within_the_range_of_the_closed_bar(ask, serve):
    server = serve()
    early = klines(ask, server, limit=1).json[0]
    server.clock.advance(60)
    late = klines(ask, server, limit=2).json[0]
    assert late[0] == early[0]
    assert early[1] == late[1]
    assert float(early[2]) <= float(late[2])
    assert float(early[3]) >= float(late[3])
    assert 0 < float(early[5]) < float(late[5])


def test_500_rows_by_default_and_1000_at_most_without_a_word(ask, synthetic):
    assert len(klines(ask, synthetic).json) == 500
    assert len(klines(ask, synthetic, limit=5000).json) == 1000


def test_futures_send_up_to_1500_rows(ask, synthetic):
    url = synthetic.environment["MDW_BINANCE_USDM_URL"] + "/fapi/v1/klines"
    assert len(ask(url, symbol="BTCUSDT", interval="1m", limit=5000).json) == 1500


def test_start_and_end_are_both_included(ask, synthetic):
    start = parse_instant("2025-03-10T23:58Z")
    rows = klines(ask, synthetic, startTime=start, endTime=start + 3 * MINUTE).json
    assert [row[0] for row in rows] == [start + i * MINUTE for i in range(4)]


def test_a_start_before_the_listing_gives_the_first_bars(ask, synthetic, market):
    rows = klines(ask, synthetic, symbol="SOLUSDT", startTime=0, limit=2).json
    listed = market.listed_ms("binance", "spot", "SOL/USDT")
    assert [row[0] for row in rows] == [listed, listed + MINUTE]


def test_a_window_in_the_future_is_empty(ask, synthetic):
    assert klines(ask, synthetic, startTime=NOW + MINUTE).json == []


def test_pages_by_start_time_join_without_gaps_or_duplicates(ask, synthetic, market):
    start, end = parse_instant("2025-03-08T00:00Z"), parse_instant("2025-03-10T00:00Z")
    times, cursor = [], start
    while True:
        rows = klines(ask, synthetic, startTime=cursor, endTime=end - 1, limit=700).json
        times += [row[0] for row in rows]
        if len(rows) < 700:
            break
        cursor = rows[-1][0] + 1
    assert times == list(range(start, end, MINUTE))


def test_an_outage_has_no_rows(ask, synthetic, market):
    (outage,) = market.outages("binance", "spot", parse_instant("2025-03-11T00:00Z"), NOW)
    rows = klines(ask, synthetic, startTime=outage.start_ms - MINUTE, endTime=outage.end_ms).json
    assert [row[0] for row in rows] == [outage.start_ms - MINUTE, outage.end_ms]


def test_errors_are_binance_s_own(ask, synthetic):
    answers = [
        klines(ask, synthetic, symbol="NOPE"),
        klines(ask, synthetic, interval="7m"),
        klines(ask, synthetic, symbol=""),
        klines(ask, synthetic, startTime="yesterday"),
    ]
    assert [answer.status for answer in answers] == [400] * 4
    assert [answer.json["code"] for answer in answers] == [-1121, -1120, -1102, -1100]
    assert answers[0].json["msg"] == "Invalid symbol."


def test_exchange_info_gives_only_the_symbols_asked_for(ask, synthetic):
    url = synthetic.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/exchangeInfo"
    names = [s["symbol"] for s in ask(url, symbols='["ETHBTC","BTCUSDT"]').json["symbols"]]
    assert names == ["ETHBTC", "BTCUSDT"]
    assert [s["symbol"] for s in ask(url, symbol="SOLBTC").json["symbols"]] == ["SOLBTC"]
    assert len(ask(url).json["symbols"]) == 6
    assert ask(url).json["serverTime"] == NOW
    assert ask(url, symbols='["NOPE"]').json == {"code": -1121, "msg": "Invalid symbol."}


def test_time_is_the_replayed_clock(ask, synthetic):
    answer = ask(synthetic.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/time")
    assert answer.json == {"serverTime": NOW}
    assert answer.headers["Date"] == "Wed, 12 Mar 2025 09:30:30 GMT"
    assert ask(synthetic.environment["MDW_BINANCE_USDM_URL"] + "/fapi/v1/time").json == {"serverTime": NOW}


def funding(ask, server, **query):
    return ask(server.environment["MDW_BINANCE_USDM_URL"] + "/fapi/v1/fundingRate", **query).json


def test_funding_is_ascending_with_both_ends_included(ask, synthetic):
    newest = funding(ask, synthetic, symbol="BTCUSDT", limit=4)
    times = [record["fundingTime"] for record in newest]
    assert times == sorted(times)
    assert times[-1] <= NOW
    same = funding(ask, synthetic, symbol="BTCUSDT", startTime=times[0], endTime=times[-1])
    assert same == newest
    assert len(funding(ask, synthetic, symbol="BTCUSDT", startTime=0)) == 100


def test_funding_times_jitter_by_milliseconds_and_early_mark_prices_are_empty(ask, synthetic):
    early = funding(ask, synthetic, symbol="BTCUSDT", startTime=0, limit=1000)
    late = {record["fundingTime"] % (8 * 3_600_000) for record in early}
    assert len(late) > 5
    assert max(late) < 50
    assert {record["markPrice"] for record in early} == {""}
    assert float(funding(ask, synthetic, symbol="BTCUSDT", limit=1)[0]["markPrice"]) > 0


def test_a_symbol_with_an_adjusted_interval_is_listed_in_funding_info(ask, serve):
    server = serve()
    server.clock.set(parse_instant("2025-05-03T00:00:30Z"))
    info = ask(server.environment["MDW_BINANCE_USDM_URL"] + "/fapi/v1/fundingInfo").json
    assert [(record["symbol"], record["fundingIntervalHours"]) for record in info] == [("SOLUSDT", 4)]
    hours = [record["fundingTime"] // 3_600_000 for record in funding(ask, server, symbol="SOLUSDT", limit=20)]
    assert {later - earlier for earlier, later in pairwise(hours)} == {8, 4}
