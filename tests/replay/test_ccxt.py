"""ccxt, unchanged except for the URLs, reads the same from this server as from the exchanges."""

import asyncio

import ccxt.async_support as ccxt
import pytest

from replay.clock import parse_instant
from replay.faults import Faults

START = parse_instant("2025-03-10T00:00Z")


@pytest.fixture
def exchange(synthetic):
    """Run a coroutine function on a ccxt exchange connected to the server."""

    def run(name, use, server=synthetic):
        env = server.environment

        async def session():
            made = getattr(ccxt, name)({"enableRateLimit": False})
            made.urls["api"] = (
                made.urls["api"]
                | {
                    "binance": {
                        "public": env["MDW_BINANCE_SPOT_URL"] + "/api/v3",
                        "fapiPublic": env["MDW_BINANCE_USDM_URL"] + "/fapi/v1",
                    },
                    "okx": {"rest": env["MDW_OKX_URL"]},
                    "bybit": {"public": env["MDW_BYBIT_URL"]},
                }[name]
            )
            try:
                return await use(made)
            finally:
                await made.close()

        return asyncio.run(session())

    return run


def test_binance(exchange, market):
    async def use(binance):
        bars = await binance.publicGetKlines({"symbol": "BTCUSDT", "interval": "1m", "startTime": START, "limit": 5})
        perp = await binance.fapiPublicGetKlines(
            {"symbol": "BNBUSDT", "interval": "1h", "startTime": START, "limit": 2}
        )
        funding = await binance.fapiPublicGetFundingRate({"symbol": "ETHUSDT", "limit": 3})
        info = await binance.publicGetExchangeInfo({"symbols": '["BTCUSDT","SOLBTC"]'})
        return bars, perp, funding, info, await binance.publicGetTime(), await binance.fapiPublicGetFundingInfo()

    bars, perp, funding, info, time, _ = exchange("binance", use)
    expected = market.bars("binance", "spot", "BTC/USDT", "1m", START, START + 5 * 60_000)
    assert [tuple(row[1:6]) for row in bars] == [bar[1:6] for bar in expected]
    assert len(perp) == 2
    assert len(funding) == 3
    assert [record["symbol"] for record in info["symbols"]] == ["BTCUSDT", "SOLBTC"]
    assert int(time["serverTime"]) == parse_instant("2025-03-12T09:30:30Z")


def test_okx(exchange, market):
    async def use(okx):
        query = {"instId": "ETH-BTC", "bar": "1m", "after": START + 5 * 60_000, "limit": 5}
        bars = await okx.publicGetMarketHistoryCandles(query)
        newest = await okx.publicGetMarketCandles({"instId": "BTC-USDT-SWAP"})
        funding = await okx.publicGetPublicFundingRateHistory({"instId": "SOL-USDT-SWAP"})
        instruments = await okx.publicGetPublicInstruments({"instType": "SWAP"})
        return bars, newest, funding, instruments

    bars, newest, funding, instruments = exchange("okx", use)
    expected = market.bars("okx", "spot", "ETH/BTC", "1m", START, START + 5 * 60_000)
    assert [tuple(row[1:6]) for row in reversed(bars["data"])] == [bar[1:6] for bar in expected]
    assert len(newest["data"]) == 100
    assert len(funding["data"]) > 250
    assert len(instruments["data"]) == 5


def test_bybit(exchange, market):
    async def use(bybit):
        query = {
            "category": "spot",
            "symbol": "SOLUSDT",
            "interval": "60",
            "start": START,
            "end": START + 3 * 3_600_000,
        }
        return await bybit.publicGetV5MarketKline(query), await bybit.publicGetV5MarketInstrumentsInfo(
            {"category": "spot"}
        )

    bars, instruments = exchange("bybit", use)
    expected = market.bars("bybit", "spot", "SOL/USDT", "1h", START, START + 4 * 3_600_000)
    assert [tuple(row[1:7]) for row in reversed(bars["result"]["list"])] == [bar[1:7] for bar in expected]
    assert len(instruments["result"]["list"]) == 6


def test_ccxt_parses_the_markets_itself(exchange):
    """The instrument records are complete enough for ccxt's own parser."""

    async def ohlcv(binance):
        binance.options["fetchMarkets"] = {"types": ["spot", "linear"]}
        await binance.load_markets()
        return await binance.fetch_ohlcv("SOL/BTC", "1h", START, 2), binance.market("SOL/BTC")["precision"]

    rows, precision = exchange("binance", ohlcv)
    assert [row[0] for row in rows] == [START, START + 3_600_000]
    assert precision["price"] == 1e-7


@pytest.mark.parametrize(
    ("name", "method", "query", "error"),
    [
        ("binance", "publicGetKlines", {"symbol": "NOPE", "interval": "1m"}, ccxt.BadSymbol),
        ("okx", "publicGetMarketCandles", {"instId": "NOPE"}, ccxt.BadSymbol),
        ("bybit", "publicGetV5MarketKline", {"category": "spot", "symbol": "NOPE", "interval": "1"}, ccxt.BadRequest),
    ],
)
def test_bad_requests_become_ccxt_s_errors(exchange, name, method, query, error):
    with pytest.raises(error):
        exchange(name, lambda made: getattr(made, method)(query))


@pytest.mark.parametrize(
    ("name", "method", "query"),
    [
        ("binance", "publicGetTime", {}),
        ("okx", "publicGetPublicTime", {}),
        ("bybit", "publicGetV5MarketTime", {}),
    ],
)
def test_too_many_requests_become_ccxt_s_own_error(exchange, serve, name, method, query):
    server = serve(faults=Faults(rate=1.0, kinds=("429",)))
    with pytest.raises((ccxt.RateLimitExceeded, ccxt.DDoSProtection)):
        exchange(name, lambda made: getattr(made, method)(query), server)
