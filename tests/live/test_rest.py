"""REST of the live reader: what one instrument is refused does not keep the others waiting."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from dlt_pipelines.core.series import Series
from dlt_pipelines.live.connection import open_session
from dlt_pipelines.live.rest import Rest, RestFailed
from dlt_pipelines.venues import VENUES, WEBSOCKETS
from tests.live.world import MINUTE_MS

_CLOCKS = {
    "binance": {"serverTime": MINUTE_MS},
    "okx": {"code": "0", "msg": "", "data": [{"ts": str(MINUTE_MS)}]},
    "bybit": {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"timeSecond": "60", "timeNano": "60000000000"},
        "time": MINUTE_MS,
    },
}
_COUNTRY = {"retCode": 10024, "retMsg": "The product or service you are seeking to access is not available to you"}


def requested(venue: str, refuse: Callable[[web.Request], web.Response | None]) -> list[str]:
    """Requests that reach a venue when the bars of BTC/USDT are requested, and then those of ETH/USDT."""
    protocol = WEBSOCKETS[venue, "spot"]
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append("time" if "time" in request.path else request.query.get("symbol", request.query.get("instId", "?")))
        refusal = refuse(request)
        if refusal is not None:
            return refusal
        return web.json_response(_CLOCKS[venue] if "time" in request.path else [])

    async def follow() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        bitcoin = Series("bars", venue, "spot", "BTC/USDT", "1m")
        origin = VENUES[venue].endpoint(bitcoin, 0, 10 * MINUTE_MS).origin
        try:
            async with open_session() as session:
                rest = Rest(protocol, {origin: address}, session)
                for symbol in ("BTC/USDT", "ETH/USDT"):
                    try:
                        await rest.bars(Series("bars", venue, "spot", symbol, "1m"), 0, MINUTE_MS, 10 * MINUTE_MS)
                    except RestFailed:
                        continue
        finally:
            await runner.cleanup()

    asyncio.run(follow())
    return seen


def bitcoin_by_status(status: int) -> Callable[[web.Request], web.Response | None]:
    def refuse(request: web.Request) -> web.Response | None:
        return web.Response(status=status, text="no") if "BTC" in str(request.url.query) else None

    return refuse


@pytest.mark.parametrize("venue", ["binance", "okx", "bybit"])
@pytest.mark.parametrize("status", [403, 451])
def test_an_instrument_that_is_refused_does_not_pause_the_others(venue: str, status: int) -> None:
    seen = requested(venue, bitcoin_by_status(status))
    assert "BTC" in seen[0]
    assert seen[1] == "time"
    assert "ETH" in seen[2]


def test_a_country_rule_of_bybit_for_one_instrument_does_not_pause_the_others() -> None:
    seen = requested("bybit", lambda request: web.json_response(_COUNTRY) if "BTC" in str(request.url.query) else None)
    assert "ETH" in seen[-1]


@pytest.mark.parametrize("venue", ["binance", "okx", "bybit"])
@pytest.mark.parametrize("status", [403, 418, 429, 451])
def test_a_venue_that_refuses_its_clock_too_is_left_alone(venue: str, status: int) -> None:
    seen = requested(venue, lambda _: web.Response(status=status, text="no"))
    assert not [one for one in seen if "ETH" in one]


def test_a_ban_of_bybit_is_about_the_address_even_if_its_clock_answers() -> None:
    banned = {"retCode": 10009, "retMsg": "IP has been banned"}
    seen = requested("bybit", lambda request: web.json_response(banned) if "BTC" in str(request.url.query) else None)
    assert not [one for one in seen if "ETH" in one]
