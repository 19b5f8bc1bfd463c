"""Failures on request look as they do at the venue."""

import json
import urllib.error

import pytest

from replay.faults import KINDS, Faults

PATHS = {
    "binance": "/binance-spot/api/v3/klines?symbol=BTCUSDT&interval=1m",
    "okx": "/okx/api/v5/market/candles?instId=BTC-USDT",
    "bybit": "/bybit/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1",
    "alternative_me": "/alternative-me/fng/",
}


def failing(serve, kind, **options):
    return serve(faults=Faults(rate=1.0, kinds=(kind,), **options))


def test_too_many_requests_in_each_venue_s_words(ask, serve):
    server = failing(serve, "429", retry_after_seconds=3)
    binance, okx, bybit = (ask(server.url + PATHS[venue]) for venue in ("binance", "okx", "bybit"))
    assert (binance.status, binance.json["code"], binance.headers["Retry-After"]) == (429, -1003, "3")
    assert (okx.status, okx.json["code"]) == (429, "50011")
    assert (bybit.status, bybit.json["retCode"]) == (200, 10006)


@pytest.mark.parametrize("kind", ["418", "403", "451", "500", "502", "503"])
@pytest.mark.parametrize("venue", ["binance", "okx"])
def test_a_status_is_that_status(ask, serve, kind, venue):
    assert ask(failing(serve, kind).url + PATHS[venue]).status == int(kind)


@pytest.mark.parametrize("venue", PATHS)
def test_a_page_of_html_with_status_200(ask, serve, venue):
    answer = ask(failing(serve, "html").url + PATHS[venue])
    assert answer.status == 200
    assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("venue", PATHS)
def test_json_that_ends_in_the_middle(ask, serve, venue):
    answer = ask(failing(serve, "cut").url + PATHS[venue])
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_a_broken_connection(ask, serve):
    with pytest.raises((ConnectionError, urllib.error.URLError, OSError)):
        ask(failing(serve, "reset").url + PATHS["okx"])


def test_an_error_body_with_status_200(ask, serve):
    server = failing(serve, "error_200")
    assert [ask(server.url + PATHS[venue]).status for venue in PATHS] == [200] * 4
    assert ask(server.url + PATHS["binance"]).json["code"] == -1001
    assert ask(server.url + PATHS["okx"]).json["code"] == "50001"
    assert ask(server.url + PATHS["bybit"]).json["retCode"] == 10016
    assert ask(server.url + PATHS["alternative_me"]).json["metadata"]["error"]


def test_an_empty_page_with_status_200(ask, serve):
    server = failing(serve, "empty")
    assert ask(server.url + PATHS["binance"]).json == []
    assert ask(server.url + PATHS["okx"]).json["data"] == []
    assert ask(server.url + PATHS["bybit"]).json["result"]["list"] == []


def test_a_slow_answer_is_the_right_answer(ask, serve, synthetic):
    answer = ask(failing(serve, "slow", slow_seconds=0.05).url + PATHS["binance"])
    assert answer.json == ask(synthetic.url + PATHS["binance"]).json


def test_so_many_failures_and_then_none(ask, serve):
    server = failing(serve, "503", times=2)
    assert [ask(server.url + PATHS["okx"]).status for _ in range(4)] == [503, 503, 200, 200]


def test_only_the_paths_named(ask, serve):
    server = failing(serve, "503", path="/okx/")
    assert ask(server.url + PATHS["okx"]).status == 503
    assert ask(server.url + PATHS["binance"]).status == 200


def test_the_same_seed_fails_the_same_requests(ask, serve):
    def statuses(seed):
        server = serve(faults=Faults(rate=0.5, kinds=("503", "403"), seed=seed))
        return [ask(server.url + PATHS["okx"]).status for _ in range(20)]

    first = statuses(1)
    assert set(first) == {200, 403, 503}
    assert statuses(1) == first
    assert statuses(2) != first


def test_faults_are_changed_while_it_runs_and_bad_ones_refused(ask, serve):
    server = serve()
    assert ask(server.url + "/__replay__/faults", body={"rate": 1, "kinds": ["403"]}).status == 200
    assert ask(server.url + PATHS["okx"]).status == 403
    refused = ask(server.url + "/__replay__/faults", body={"rate": 1, "kinds": ["flood"]})
    assert refused.status == 400
    assert "flood" in refused.json["error"]
    assert all(kind in refused.json["error"] for kind in KINDS)
    assert ask(server.url + PATHS["okx"]).status == 403
    ask(server.url + "/__replay__/faults", body={})
    assert ask(server.url + PATHS["okx"]).status == 200


def test_requests_are_counted_by_path_and_listed(ask, serve):
    server = serve(faults=Faults(rate=1.0, kinds=("503",), times=1))
    for _ in range(3):
        ask(server.url + PATHS["okx"])
    report = ask(server.url + "/__replay__/requests").json
    assert report["counts"] == {"/okx/api/v5/market/candles": 3}
    assert report["faults"] == {"503": 1}
    assert [entry["status"] for entry in report["last"]] == [503, 200, 200]
    assert report["last"][0]["query"] == {"instId": "BTC-USDT"}
    assert ask(server.url + "/__replay__/requests", method="DELETE").json["total"] == 0
