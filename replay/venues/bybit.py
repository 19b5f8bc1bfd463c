"""Bybit v5 public market data.

Klines come newest first, seven texts per row, without a mark on the open bar. `start` is rounded down to its bar;
`start` and `end` are both inclusive. The newest rows of the window are sent, or with `start` alone the rows from there
on (seen in clients that page this way, not in the documentation). `category` defaults to linear: then, and for any
category except spot, this server sends the spot bars with every price 1 % higher, so that a client that forgets
`category=spot` gets wrong prices, as at Bybit. Errors: HTTP 200 with a retCode.
"""

import json
from decimal import Decimal
from typing import Any

from aiohttp import web

from replay.market import Chunk, Series
from replay.pages import PageCutter
from replay.venues.binance import FAR
from replay.venues.context import Context, Limit, Refusal, Window, json_response, raw_json
from replay.venues.rows import render_rows, text, times

_INTERVALS = {"1": "1m", "5": "5m", "15": "15m", "60": "1h"}
_OTHER_INTERVALS = {"3", "30", "120", "240", "360", "720", "D", "W", "M"}
LINEAR_PRICE_FACTOR = Decimal("1.01")


class Bybit:
    """Handlers of `/v5/market`."""

    def __init__(self, context: Context):
        self._context = context
        self._spot = PageCutter(newest_first=True)
        self._linear = PageCutter(newest_first=True, cache_bytes=8 << 20)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """All endpoints under the prefix."""
        base = prefix + "/v5/market"
        return [
            web.get(base + "/time", self.time),
            web.get(base + "/instruments-info", self.instruments),
            web.get(base + "/kline", self.kline),
        ]

    async def time(self, _: web.Request) -> web.Response:
        """The server's time in seconds and nanoseconds, as text."""
        now = self._context.clock.now_ms()
        return json_response(self._envelope({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}))

    async def instruments(self, request: web.Request) -> web.Response:
        """The instruments of a category, one of them if `symbol` is given."""
        category = request.query.get("category", "")
        if not category:
            raise self._error("Illegal category")
        records = self._context.market.instruments("bybit", "spot") if category == "spot" else []
        wanted = request.query.get("symbol")
        if wanted:
            records = [record for record in records if record["symbol"] == wanted]
            if not records:
                raise self._error(f"Invalid symbol: {wanted}")
        return json_response(self._envelope({"category": category, "list": records}))

    async def kline(self, request: web.Request) -> web.Response:
        """A page of bars."""
        category = request.query.get("category") or "linear"
        name, interval = request.query.get("symbol", ""), request.query.get("interval", "")
        symbol = self._context.market.symbols("bybit", "spot").get(name)
        if symbol is None:
            raise self._error("Not supported symbols")
        if interval not in _INTERVALS and interval not in _OTHER_INTERVALS:
            raise self._error("Invalid period!")
        limit = min(self._integer(request, "limit") or 200, 1000)
        start, end = self._integer(request, "start"), self._integer(request, "end")
        series = self._context.market.series("bybit", "spot", symbol, _INTERVALS.get(interval, interval))
        body = b"" if series is None else self._page(series, category == "spot", start, end, limit)
        head = json.dumps({"category": category, "symbol": name}, separators=(",", ":"))[:-1]
        now = self._context.clock.now_ms()
        return raw_json(
            b'{"retCode":0,"retMsg":"OK","result":%b,"list":[%b]},"retExtInfo":{},"time":%d}'
            % (head.encode(), body, now)
        )

    def _page(self, series: Series, spot: bool, start: int | None, end: int | None, limit: int) -> bytes:
        cutter, rows = (self._spot, _rows) if spot else (self._linear, _linear_rows)
        start_ms = (start or 0) // series.step_ms * series.step_ms
        end_ms = FAR if end is None else end + 1
        if start is not None and end is None:
            end_ms = start_ms + limit * series.step_ms
        window = Window.until_now(series, start_ms, end_ms, self._context.clock.now_ms())
        present = window.open_bar
        body, _ = cutter.newest(series, rows, window.start_ms, window.end_ms, limit - (present is not None))
        if present is None:
            return body
        first = rows(Chunk.of([present]))[0].encode()
        return first + b"," + body if body else first

    def _integer(self, request: web.Request, name: str) -> int | None:
        value = request.query.get(name, "")
        if not value:
            return None
        if not value.isdecimal():
            raise self._error(f"params error: {name} invalid")
        return min(int(value), FAR)

    def _envelope(self, result: Any, code: int = 0, message: str = "OK") -> dict[str, Any]:
        now = self._context.clock.now_ms()
        return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now}

    def _error(self, message: str) -> Refusal:
        return Refusal(self._envelope({}, 10001, message))


_ERRORS = {
    "429": (10006, "Too many visits. Exceeded the API Rate Limit."),
    "403": (10009, "IP has been banned."),
    "451": (10024, "Compliance rules triggered"),
    "busy": (10016, "Internal server error."),
}


def error_body(what: str) -> Any:
    """The body of a failure."""
    code, message = _ERRORS[what]
    return {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 0}


def empty_body(path: str) -> Any:
    """A page without rows."""
    return {"retCode": 0, "retMsg": "OK", "result": {"list": []}, "retExtInfo": {}, "time": 0}


def limits(request: web.Request) -> list[Limit]:
    """600 calls in 5 seconds, then HTTP 403 and a ban."""
    return [Limit("bybit calls", 600, 5.0)]


def _rows(chunk: Chunk) -> list[str]:
    names = ("open", "high", "low", "close", "volume", "quote_volume")
    return render_rows(chunk, [times(chunk, '"%d"'), *(text(chunk, name) for name in names)])


def _linear_rows(chunk: Chunk) -> list[str]:
    prices = (('"%s"', [str(_one_percent_higher(price)) for price in column]) for column in chunk.columns[:4])
    volumes = (text(chunk, name) for name in ("volume", "quote_volume"))
    return render_rows(chunk, [times(chunk, '"%d"'), *prices, *volumes])


def _one_percent_higher(price: Any) -> Decimal:
    value = Decimal(price)
    return (value * LINEAR_PRICE_FACTOR).quantize(value)
