"""Concurrent requests each get their own response."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import ConnectionFailed
from dlt_pipelines.http.ccxt_client import CcxtClient
from dlt_pipelines.http.response import Response
from replay.faults import Faults
from replay.server import ReplayServer

BUDGET = Budget("test", 1000, 1)
KLINES = Endpoint("/api/v3/klines", "public_get_klines", "", BUDGET)


def binance(url: str, pace: float | None = None, budget: Budget = BUDGET) -> CcxtClient:
    return CcxtClient("binance", budget, {"public": url + "/binance-spot/api/v3"}, pace)


def windows(number: int) -> list[dict[str, str]]:
    first = 1_737_936_000_000
    return [
        {"symbol": "BTCUSDT", "interval": "1m", "startTime": str(first + i * 600_000), "limit": str(1 + i % 9)}
        for i in range(number)
    ]


def in_one_go(make: Callable[[], CcxtClient], asked: list[dict[str, str]]) -> list[Response]:
    async def ask_all() -> list[Response]:
        client = make()
        try:
            return list(await asyncio.gather(*(client.get(KLINES, params) for params in asked)))
        finally:
            await client.close()

    return asyncio.run(ask_all())


def test_a_hundred_requests_at_once_each_get_their_own_text(replayed: ReplayServer) -> None:
    asked = windows(100)
    replayed.faults = Faults(rate=1, kinds=("slow",), slow_seconds=0.3, times=100)
    replies = in_one_go(lambda: binance(replayed.url), asked)

    assert replayed.journal.max_in_flight > 10
    for params, reply in zip(asked, replies, strict=True):
        with urlopen(f"{replayed.url}/binance-spot/api/v3/klines?{urlencode(params)}") as answer:
            assert reply.text == answer.read().decode()
        assert reply.status == 200


def test_an_error_body_comes_back_as_sent_and_not_as_an_exception_of_ccxt(replayed: ReplayServer) -> None:
    (reply,) = in_one_go(lambda: binance(replayed.url), [{"symbol": "NOSUCH", "interval": "1m"}])

    assert reply.status == 400
    assert '"code":-1121' in reply.text.replace(" ", "")


def test_no_server_is_a_connection_error() -> None:
    with pytest.raises(ConnectionFailed, match="Connect"):
        in_one_go(lambda: binance("http://127.0.0.1:9"), windows(1))


def test_the_limiter_keeps_the_documented_budget(replayed: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    granted: list[float] = []
    budget = Budget("ten calls a second", 10, 1)

    async def ask() -> None:
        client = binance(replayed.url, 1.0, budget)
        loop = asyncio.get_running_loop()
        original: Any = client.get

        async def timed(params: dict[str, str]) -> None:
            await original(KLINES, params)
            granted.append(loop.time())

        try:
            await asyncio.gather(*(timed(params) for params in windows(15)))
        finally:
            await client.close()

    asyncio.run(ask())
    # Fifteen calls at 9.5 per second: the last may not leave before 14 gaps, minus the allowance for bunching.
    assert max(granted) - min(granted) > 1.2
