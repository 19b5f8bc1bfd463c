"""Raw pages with one defect each, every kind in its own series."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

from tests.dbt.pages import MINUTE, START, land, milliseconds

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = START + 10 * DAY
TABLES = {"spot": "binance__spot_klines", "perp": "binance__usdm_klines"}


def bar(opens: datetime, close: str = "100", step: timedelta = MINUTE, **other: str) -> list[Any]:
    """A kline of Binance; all its prices are `close` unless given."""
    prices = {"open": close, "high": close, "low": close, "volume": "2", **other}
    turnover = prices.get("turnover", str(2 * float(close)))
    return [
        milliseconds(opens),
        prices["open"],
        prices["high"],
        prices["low"],
        close,
        prices["volume"],
        milliseconds(opens + step) - 1,
        turnover,
        7,
        "1",
        "100",
        "0",
    ]


def minutes(count: int, first: datetime = START, closes: Sequence[str] = ("100", "100.1")) -> list[list[Any]]:
    """Consecutive valid bars."""
    return [bar(first + number * MINUTE, closes[number % len(closes)]) for number in range(count)]


def land_bars(
    client: Client,
    symbol: str,
    bars: list[list[Any]],
    fetched_at: datetime = NOW - DAY,
    *,
    market: str = "spot",
    timeframe: str = "1m",
    server_time: datetime | None = None,
) -> None:
    """One page of Binance; its window is the range of the bars."""
    edges = [datetime.fromtimestamp(ms / 1000, UTC) for ms in (bars[0][0], bars[-1][6] + 1)]
    land(
        client,
        TABLES[market],
        bars,
        fetched_at,
        series=("binance", market, symbol, timeframe),
        window=(edges[0], edges[1]),
        server_time=server_time,
    )


def land_elsewhere(client: Client, symbol: str, closes: list[str], fetched_at: datetime = NOW - DAY) -> None:
    """The same minutes on OKX and Bybit."""
    rows = [[str(milliseconds(START + number * MINUTE)), *[close] * 4] for number, close in enumerate(closes)]
    window = (START, START + len(closes) * MINUTE)
    okx = {"code": "0", "data": [[*row, "2", str(2 * float(row[4])), str(2 * float(row[4])), "1"] for row in rows]}
    bybit = {
        "retCode": 0,
        "result": {"category": "spot", "list": [[*row, "2", str(2 * float(row[4]))] for row in rows]},
    }
    land(client, "okx__spot_candles", okx, fetched_at, series=("okx", "spot", symbol, "1m"), window=window)
    land(client, "bybit__spot_klines", bybit, fetched_at, series=("bybit", "spot", symbol, "1m"), window=window)


def land_funding(client: Client, symbol: str, payments: list[tuple[float, str, str]]) -> None:
    """Payments (hours after START, rate, mark price) of a Binance perpetual."""
    records = [
        {"fundingTime": milliseconds(START + hours * HOUR), "fundingRate": rate, "markPrice": mark}
        for hours, rate, mark in payments
    ]
    land(client, "binance__usdm_funding", records, NOW - DAY, series=("binance", "perp", symbol, ""))


def land_listing(client: Client, fetched_at: datetime, *instruments: tuple[str, str, str]) -> None:
    """An exchangeInfo of Binance spot: (symbol, status, tick)."""
    symbols = [
        {
            "symbol": symbol.replace("/", ""),
            "status": status,
            "baseAsset": symbol.split("/")[0],
            "quoteAsset": symbol.split("/")[1],
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick},
                {"filterType": "LOT_SIZE", "stepSize": "0.1", "minQty": "0.1"},
            ],
        }
        for symbol, status, tick in instruments
    ]
    land(client, "binance__spot_instruments", {"symbols": symbols}, fetched_at, series=("binance", "spot", "", ""))


def land_fear_greed(
    client: Client, values: list[tuple[int, str]], fetched_at: datetime = NOW - DAY, proof: str = ""
) -> None:
    """Values (days after START, value); `proof` part: not the whole history."""
    data = [
        {"value": value, "value_classification": "Fear", "timestamp": str(milliseconds(START + days * DAY) // 1000)}
        for days, value in values
    ]
    series = ("alternative_me", "", "", "")
    land(client, "alternative_me__fear_greed", {"data": data}, fetched_at, series=series, proof=proof)


def land_another_asset(client: Client, symbol: str) -> None:
    """A perpetual with 1h bars and payments, then days with payments only, then a new listing at another price."""
    hours = [*range(24), *range(120, 124)]
    bars = [bar(START + hour * HOUR, "100" if hour < 24 else "0.1", HOUR, high="101") for hour in hours]
    land_bars(client, symbol, bars, market="perp", timeframe="1h")
    land_funding(client, symbol, [(hour, "0.0001", "100") for hour in range(32, 128, 8)])
    listed = {"symbol": symbol.replace("/", ""), "contractType": "PERPETUAL", "status": "TRADING"}
    assets = dict(zip(("baseAsset", "quoteAsset"), symbol.split("/"), strict=True))
    record = {**listed, **assets, "onboardDate": milliseconds(START + 5 * DAY)}
    land(client, "binance__usdm_instruments", {"symbols": [record]}, NOW - DAY, series=("binance", "perp", "", ""))
