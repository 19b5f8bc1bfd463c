"""What a client of Coinbase Exchange sees."""

import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest

from replay.clock import parse_instant
from replay.faults import Faults

MINUTE = 60
NOW = parse_instant("2025-03-12T09:30:30Z") // 1000
OPEN = NOW - 30


def iso(seconds):
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def candles(ask, server, symbol="BTC-USDT", **query):
    query = {"granularity": 60} | query
    return ask(f"{server.environment['MDW_COINBASE_URL']}/products/{symbol}/candles", **query)


def window(start, end):
    return {"start": iso(start), "end": iso(end)}


def test_newest_first_six_numbers_low_before_open(ask, synthetic, market):
    rows = candles(ask, synthetic, **window(OPEN - 200 * MINUTE, OPEN - MINUTE)).json
    times = [row[0] for row in rows]
    assert times == sorted(times, reverse=True)
    assert max(times) < OPEN
    true = {
        bar.open_time // 1000: tuple(float(value) for value in (bar.low, bar.high, bar.open, bar.close, bar.volume))
        for bar in market.bars("coinbase", "spot", "BTC/USDT", "1m", times[-1] * 1000, OPEN * 1000)
    }
    assert {row[0]: tuple(row[1:]) for row in rows} == true


def test_both_ends_are_included_and_rows_before_the_start_may_come(ask, synthetic):
    times = [row[0] for row in candles(ask, synthetic, **window(OPEN - 20 * MINUTE, OPEN - 10 * MINUTE)).json]
    assert (max(times), times[-1] < OPEN - 20 * MINUTE) == (OPEN - 10 * MINUTE, True)


def test_without_a_window_the_newest_come_with_the_open_bar(ask, synthetic):
    times = [row[0] for row in candles(ask, synthetic).json]
    assert times[0] == OPEN


def test_more_than_300_bars_are_refused(ask, synthetic):
    refused = candles(ask, synthetic, **window(OPEN - 302 * MINUTE, OPEN - MINUTE))
    assert (refused.status, "exceeds 300" in refused.json["message"]) == (400, True)
    assert candles(ask, synthetic, **window(OPEN - 301 * MINUTE, OPEN - MINUTE)).status == 200


def test_a_minute_without_a_trade_has_no_row(ask, synthetic):
    rows = candles(ask, synthetic, "SOL-BTC", **window(OPEN - 200 * MINUTE, OPEN - MINUTE)).json
    assert 20 < len(rows) < 150
    assert all(row[5] > 0 for row in rows)


@pytest.mark.parametrize(
    ("query", "status"),
    [({"symbol": "NOPE-USDT"}, 404), ({"granularity": 120}, 400), ({"start": iso(0), "end": "x"}, 400)],
)
def test_errors_are_a_status_and_a_message(ask, synthetic, query, status):
    answer = candles(ask, synthetic, **query)
    assert (answer.status, list(answer.json)) == (status, ["message"])


def test_a_client_without_a_name_is_refused(synthetic):
    request = urllib.request.Request(synthetic.environment["MDW_COINBASE_URL"] + "/time", headers={"User-Agent": ""})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)


def test_too_many_requests_and_time(ask, serve, synthetic):
    server = serve(faults=Faults(rate=1.0, kinds=("429",), times=1))
    refused, answer = (ask(server.environment["MDW_COINBASE_URL"] + "/time") for _ in range(2))
    assert (refused.status, "rate limit" in refused.json["message"]) == (429, True)
    assert answer.json == {"iso": "2025-03-12T09:30:30.000Z", "epoch": NOW}


def test_products(ask, synthetic):
    products = {product["id"]: product for product in ask(synthetic.environment["MDW_COINBASE_URL"] + "/products").json}
    assert products["ETH-BTC"]["quote_increment"] == "0.00001"
    assert products["BTC-USDT"]["status"] == "online"
