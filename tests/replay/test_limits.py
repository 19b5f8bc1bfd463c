"""The documented limits of the venues, on demand."""

from replay.limits import Limits


class Time:
    """A clock for the limits, moved only by the test."""

    now = 1000.0

    def __call__(self):
        return self.now


def test_binance_refuses_above_its_weight_with_retry_after(ask, serve):
    time = Time()
    server = serve(limits=Limits(scale=6 / 6000, now=time))
    url = server.url + "/binance-spot/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1"
    answers = [ask(url) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers.get("X-MBX-USED-WEIGHT-1M") for answer in answers[:3]] == ["2", "4", "6"]
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 61
    time.now += 61
    assert ask(url).status == 200
    assert server.journal.violations == {"binance-spot weight": 1}


def test_okx_counts_calls_in_two_seconds_by_endpoint(ask, serve):
    time = Time()
    server = serve(limits=Limits(now=time))
    history = server.url + "/okx/api/v5/market/history-candles?instId=BTC-USDT&limit=1"
    assert [ask(history).status for _ in range(21)] == [200] * 20 + [429]
    assert ask(server.url + "/okx/api/v5/market/candles?instId=BTC-USDT&limit=1").status == 200
    time.now += 2
    assert ask(history).status == 200


def test_okx_counts_funding_history_by_instrument(ask, serve):
    server = serve(limits=Limits(now=Time()))
    url = server.url + "/okx/api/v5/public/funding-rate-history?limit=1&instId="
    assert [ask(url + "BTC-USDT-SWAP").status for _ in range(11)] == [200] * 10 + [429]
    assert ask(url + "ETH-USDT-SWAP").status == 200


def test_bybit_answers_403_and_bans_for_ten_minutes(ask, serve):
    time = Time()
    server = serve(limits=Limits(scale=2 / 600, now=time))
    url = server.url + "/bybit/v5/market/time"
    assert [ask(url).status for _ in range(3)] == [200, 200, 403]
    time.now += 599
    assert ask(url).status == 403
    time.now += 2
    assert ask(url).status == 200


def test_without_limits_nothing_is_refused(ask, serve):
    server = serve()
    url = server.url + "/okx/api/v5/market/history-candles?instId=BTC-USDT&limit=1"
    assert {ask(url).status for _ in range(30)} == {200}
