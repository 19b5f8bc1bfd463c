"""What a client of Bybit sees."""

import pytest

from replay.clock import parse_instant

MINUTE = 60_000
NOW = parse_instant("2025-03-12T09:30:30Z")
OPEN = NOW - 30_000


def kline(ask, server, **query):
    query = {"category": "spot", "symbol": "BTCUSDT", "interval": "1"} | query
    query = {name: value for name, value in query.items() if value is not None}
    return ask(server.environment["MDW_BYBIT_URL"] + "/v5/market/kline", **query)


def rows(answer):
    return answer.json["result"]["list"]


def test_newest_first_seven_texts_and_no_mark_on_the_open_bar(ask, synthetic):
    answer = kline(ask, synthetic, limit=2)
    assert [int(row[0]) for row in rows(answer)] == [OPEN, OPEN - MINUTE]
    assert all(len(row) == 7 and all(isinstance(value, str) for value in row) for row in rows(answer))
    assert {name: answer.json[name] for name in ("retCode", "retMsg", "time")} == {
        "retCode": 0,
        "retMsg": "OK",
        "time": NOW,
    }


@pytest.mark.parametrize("category", [None, "linear", "inverse"])
def test_without_category_spot_other_prices_come_and_nothing_else_warns(ask, synthetic, category):
    spot = rows(kline(ask, synthetic, end=OPEN - 1, limit=1))[0]
    answer = kline(ask, synthetic, category=category, end=OPEN - 1, limit=1)
    assert answer.json["retCode"] == 0
    assert rows(answer)[0][0] == spot[0]
    assert float(rows(answer)[0][4]) == pytest.approx(float(spot[4]) * 1.01, rel=1e-4)


def test_start_and_end_are_included_and_start_is_rounded_down_to_its_bar(ask, synthetic):
    start = OPEN - 10 * MINUTE
    answer = kline(ask, synthetic, start=start + 20_000, end=start + 2 * MINUTE)
    assert [int(row[0]) for row in rows(answer)] == [start + 2 * MINUTE, start + MINUTE, start]


def test_a_window_wider_than_the_limit_gives_its_newest_rows(ask, synthetic):
    answer = kline(ask, synthetic, start=OPEN - 500 * MINUTE, end=OPEN - MINUTE, limit=2)
    assert [int(row[0]) for row in rows(answer)] == [OPEN - MINUTE, OPEN - 2 * MINUTE]


def test_200_rows_by_default_and_1000_at_most_without_a_word(ask, synthetic):
    assert len(rows(kline(ask, synthetic))) == 200
    assert len(rows(kline(ask, synthetic, limit=5000))) == 1000


def test_turnover_over_volume_lies_between_low_and_high(ask, synthetic):
    for _, _, high, low, _, volume, turnover in rows(kline(ask, synthetic, limit=200)):
        assert float(volume) == 0 or float(low) <= float(turnover) / float(volume) <= float(high)


def test_errors_come_with_http_200_and_a_ret_code(ask, synthetic):
    answers = [
        kline(ask, synthetic, symbol="NOPE"),
        kline(ask, synthetic, interval="7"),
        kline(ask, synthetic, start="yesterday"),
    ]
    assert [answer.status for answer in answers] == [200] * 3
    assert [answer.json["retCode"] for answer in answers] == [10001] * 3


def test_instruments_of_spot(ask, synthetic):
    url = synthetic.environment["MDW_BYBIT_URL"] + "/v5/market/instruments-info"
    assert len(ask(url, category="spot").json["result"]["list"]) == 6
    (one,) = ask(url, category="spot", symbol="ETHBTC").json["result"]["list"]
    assert one["priceFilter"]["tickSize"] == "0.000001"
    assert ask(url).json["retCode"] == 10001


def test_time_is_the_replayed_clock(ask, synthetic):
    answer = ask(synthetic.environment["MDW_BYBIT_URL"] + "/v5/market/time").json
    assert answer["result"] == {"timeSecond": str(NOW // 1000), "timeNano": str(NOW * 1_000_000)}
