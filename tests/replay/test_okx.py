"""What a client of OKX sees."""

from replay.clock import parse_instant

MINUTE = 60_000
NOW = parse_instant("2025-03-12T09:30:30Z")
OPEN = NOW - 30_000


def candles(ask, server, endpoint="history-candles", **query):
    query = {"instId": "BTC-USDT", "bar": "1m"} | query
    return ask(server.environment["MDW_OKX_URL"] + f"/api/v5/market/{endpoint}", **query)


def times(answer):
    return [int(row[0]) for row in answer.json["data"]]


def test_newest_first_nine_texts_and_confirm_zero_on_the_open_bar_only(ask, synthetic):
    rows = candles(ask, synthetic, limit=3).json["data"]
    assert [int(row[0]) for row in rows] == [OPEN, OPEN - MINUTE, OPEN - 2 * MINUTE]
    assert [row[8] for row in rows] == ["0", "1", "1"]
    assert all(len(row) == 9 and all(isinstance(value, str) for value in row) for row in rows)


def test_after_means_older_and_before_means_newer_without_the_bar_itself(ask, synthetic):
    middle = OPEN - 100 * MINUTE
    assert times(candles(ask, synthetic, after=middle, limit=2)) == [middle - MINUTE, middle - 2 * MINUTE]
    between = candles(ask, synthetic, after=middle, before=middle - 3 * MINUTE)
    assert times(between) == [middle - MINUTE, middle - 2 * MINUTE]


def test_before_alone_gives_the_newest_page_not_the_next_one(ask, synthetic):
    old = OPEN - 5000 * MINUTE
    assert times(candles(ask, synthetic, before=old, limit=2)) == [OPEN, OPEN - MINUTE]


def test_100_rows_by_default_and_300_at_most_without_a_word(ask, synthetic):
    assert len(times(candles(ask, synthetic))) == 100
    assert len(times(candles(ask, synthetic, limit=1000))) == 300


def test_candles_reach_back_1440_bars_and_history_further(ask, synthetic):
    edge = OPEN - 1439 * MINUTE
    assert times(candles(ask, synthetic, "candles", after=edge + MINUTE)) == [edge]
    assert times(candles(ask, synthetic, "candles", after=edge)) == []
    assert times(candles(ask, synthetic, after=edge, limit=1)) == [edge - MINUTE]


def test_paging_back_joins_without_gaps_or_duplicates(ask, synthetic):
    found, cursor = [], OPEN
    for _ in range(4):
        found += times(candles(ask, synthetic, after=cursor, limit=300))
        cursor = found[-1]
    assert found == list(range(OPEN - MINUTE, OPEN - 1201 * MINUTE, -MINUTE))


def test_a_swap_counts_contracts_then_base_then_quote(ask, synthetic):
    row = candles(ask, synthetic, instId="XRP-USDT-SWAP", after=OPEN, limit=1).json["data"][0]
    low, high, contracts, base, quote = (float(row[i]) for i in (3, 2, 5, 6, 7))
    assert base == contracts * 100
    assert low <= quote / base <= high


def test_hours_are_asked_for_with_a_capital_h(ask, synthetic):
    assert times(candles(ask, synthetic, bar="1H", limit=2)) == [OPEN - 30 * MINUTE, OPEN - 90 * MINUTE]
    assert candles(ask, synthetic, bar="1h").json["code"] == "51000"


def test_errors_come_with_http_200_and_a_code(ask, synthetic):
    unknown = candles(ask, synthetic, instId="NOPE-USDT")
    assert (unknown.status, unknown.json["code"], unknown.json["data"]) == (200, "51001", [])
    absent = candles(ask, synthetic, instId="")
    assert (absent.status, absent.json["code"]) == (400, "50014")


def funding(ask, server, **query):
    query = {"instId": "BTC-USDT-SWAP"} | query
    return ask(server.environment["MDW_OKX_URL"] + "/api/v5/public/funding-rate-history", **query).json["data"]


def test_funding_is_newest_first_and_ends_three_months_back(ask, synthetic):
    found = [int(record["fundingTime"]) for record in funding(ask, synthetic)]
    assert found == sorted(found, reverse=True)
    assert 88 < (NOW - found[-1]) / 86_400_000 <= 92
    assert funding(ask, synthetic, after=found[-1]) == []
    assert [int(r["fundingTime"]) for r in funding(ask, synthetic, after=found[0], before=found[3])] == found[1:3]


def test_the_funding_rate_is_a_prediction_and_differs_from_what_was_paid(ask, synthetic, market):
    record = funding(ask, synthetic, limit=1)[0]
    time = int(record["fundingTime"])
    (paid,) = market.funding("okx", "BTC/USDT", time, time + 1)
    assert record["realizedRate"] == paid.rate
    assert record["fundingRate"] != record["realizedRate"]


def test_instruments_by_type_and_id(ask, synthetic, market):
    url = synthetic.environment["MDW_OKX_URL"] + "/api/v5/public/instruments"
    assert len(ask(url, instType="SPOT").json["data"]) == 6
    assert len(ask(url, instType="SWAP").json["data"]) == 5
    (swap,) = ask(url, instType="SWAP", instId="XRP-USDT-SWAP").json["data"]
    assert (swap["ctVal"], swap["ctValCcy"], swap["settleCcy"]) == ("100", "XRP", "USDT")
    assert int(swap["listTime"]) == market.listed_ms("okx", "perp", "XRP/USDT")
    assert ask(url).json["code"] == "50014"
