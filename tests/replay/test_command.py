"""`python -m replay`, the server as a process, and its clock."""

import socket

import pytest

from replay.__main__ import main
from replay.clock import Clock, parse_instant
from replay.process import ReplayProcess
from replay.server import ReplayServer


def test_a_process_reports_its_market_and_address(ask):
    with ReplayProcess("--synthetic", "--seed", "3", "--now", "2025-03-12T00:00:00Z", "--standing") as server:
        assert server.banner == f"replay of synthetic seed=3 on {server.url}"
        answer = ask(server.environment["MDW_BINANCE_SPOT_URL"] + "/api/v3/time")
        assert answer.json == {"serverTime": parse_instant("2025-03-12T00:00Z")}
        assert answer.headers["X-Replay-Market"] == "synthetic seed=3"
    with pytest.raises(OSError, match="refused"):
        ask(server.url + "/__replay__/market")


def test_the_environment_names_every_origin(synthetic):
    assert sorted(synthetic.environment) == [
        "MDW_BINANCE_ARCHIVE_URL",
        "MDW_BINANCE_SPOT_URL",
        "MDW_BINANCE_SPOT_WS_URL",
        "MDW_BINANCE_USDM_URL",
        "MDW_BINANCE_USDM_WS_URL",
        "MDW_BYBIT_URL",
        "MDW_BYBIT_WS_URL",
        "MDW_COINBASE_URL",
        "MDW_FEAR_GREED_URL",
        "MDW_OKX_ARCHIVE_URL",
        "MDW_OKX_URL",
        "MDW_OKX_WS_URL",
    ]
    for name, url in synthetic.environment.items():
        assert url.startswith("ws://127.0.0.1:" if "_WS_" in name else "http://127.0.0.1:")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--synthetic", "--now", "2025-03-12T00:00:00"], "2025-03-12T00:00:00"),
        (["--synthetic", "--now", "soon"], "soon"),
        (["--recordings", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--synthetic", "--fault-rate", "3"], "3.0"),
    ],
)
def test_bad_input_is_named_and_ends_with_2(capsys, arguments, named):
    assert main(arguments) == 2
    assert named in capsys.readouterr().err


def test_a_port_in_use_is_named_and_exits_with_1(synthetic):
    port = synthetic.url.rsplit(":", 1)[1]
    with pytest.raises(RuntimeError, match="--port"):
        ReplayProcess("--synthetic", "--port", port).start()


def test_the_clock_is_moved_while_it_runs(ask, serve):
    server = serve()
    url = server.url + "/__replay__/clock"
    answer = ask(url, body={"now": "2025-06-01T00:00:00Z", "advance_seconds": 90}).json
    assert answer == {"now_ms": parse_instant("2025-06-01T00:01:30Z"), "ticking": False}
    assert ask(url, body={"now": "2025-06-01 00:00"}).status == 400


def test_a_ticking_clock_ticks():
    clock = Clock(0, ticking=True)
    while clock.now_ms() == 0:
        pass
    assert clock.now_ms() > 0


def test_a_server_frees_its_port_when_it_stops(market):
    with ReplayServer(market, clock=Clock.fixed("2025-03-12T00:00Z")) as server:
        port = int(server.url.rsplit(":", 1)[1])
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
