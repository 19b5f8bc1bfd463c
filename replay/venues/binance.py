"""Binance spot (`/api/v3`) and USD-M futures (`/fapi/v1`).

Klines: ascending, startTime and endTime both included (open times), 500 rows by default, at most 1000 (spot) or 1500
(futures), a larger limit is silently reduced; without startTime the newest rows. The last row is the open bar,
without a mark. Errors: HTTP 400 with {"code": -1121, "msg": …}.
"""

import json
import re
from typing import Any

from aiohttp import web

from replay.market import TIMEFRAMES, Chunk, Series
from replay.pages import PageCutter, Rows
from replay.venues.context import Context, Refusal, Window, json_response, raw_json
from replay.venues.rows import literal, number, render_rows, text, times

FAR = 1 << 62
_OTHER_INTERVALS = {"1s", "3m", "30m", "2h", "4h", "8h", "12h", "3d", "1w", "1M"}


class Binance:
    """Handlers of one of the two APIs; `market` is spot or perp."""

    def __init__(self, context: Context, market: str):
        self._context = context
        self._market = market
        self._most = 1000 if market == "spot" else 1500
        self._cutter = PageCutter(newest_first=False)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """All endpoints under the prefix."""
        base = prefix + ("/api/v3" if self._market == "spot" else "/fapi/v1")
        routes = [
            web.get(base + "/ping", self.ping),
            web.get(base + "/time", self.time),
            web.get(base + "/exchangeInfo", self.exchange_info),
            web.get(base + "/klines", self.klines),
        ]
        if self._market == "perp":
            routes += [
                web.get(base + "/fundingRate", self.funding_rate),
                web.get(base + "/fundingInfo", self.funding_info),
            ]
        return routes

    async def ping(self, _: web.Request) -> web.Response:
        """An empty object."""
        return json_response({})

    async def time(self, _: web.Request) -> web.Response:
        """The server's time in ms."""
        return json_response({"serverTime": self._context.clock.now_ms()})

    async def exchange_info(self, request: web.Request) -> web.Response:
        """All symbols; on spot only those of `symbol` or `symbols` if given."""
        symbols = self._context.market.instruments("binance", self._market)
        if self._market == "spot":
            wanted = _wanted_symbols(request)
            known = {record["symbol"]: record for record in symbols}
            if wanted is not None:
                if any(symbol not in known for symbol in wanted):
                    raise error(-1121, "Invalid symbol.")
                symbols = [known[symbol] for symbol in wanted]
        body = dict(self._context.market.instrument_envelope("binance", self._market))
        return json_response(body | {"serverTime": self._context.clock.now_ms(), "symbols": symbols})

    async def klines(self, request: web.Request) -> web.Response:
        """Twelve fields per bar: times and the number of trades are numbers, the others text."""
        symbol = self._symbol(request)
        interval = _required(request, "interval")
        if interval not in TIMEFRAMES and interval not in _OTHER_INTERVALS:
            raise error(-1120, "Invalid interval.")
        limit = _limit(request, 500, self._most)
        start, end = _integer(request, "startTime"), _integer(request, "endTime")
        series = self._context.market.series("binance", self._market, symbol, interval)
        if series is None:
            return raw_json(b"[]")
        body = self._page(series, start, FAR if end is None else end + 1, limit)
        return raw_json(b"[" + body + b"]")

    def _page(self, series: Series, start: int | None, end: int, limit: int) -> bytes:
        window = Window.until_now(series, start or 0, end, self._context.clock.now_ms())
        rows = _ROWS[series.step_ms]
        present = window.open_bar
        if start is None:
            body, _ = self._cutter.newest(series, rows, window.start_ms, window.end_ms, limit - (present is not None))
        else:
            body, count = self._cutter.oldest(series, rows, window.start_ms, window.end_ms, limit)
            if count == limit:
                present = None
        if present is None:
            return body
        last = rows(Chunk.of([present]))[0].encode()
        return body + b"," + last if body else last

    async def funding_rate(self, request: web.Request) -> web.Response:
        """Ascending, both ends included, 100 rows by default, at most 1000; without startTime the newest."""
        symbol = self._symbol(request)
        limit = _limit(request, 100, 1000)
        start, end = _integer(request, "startTime"), _integer(request, "endTime")
        until = min(self._context.clock.now_ms(), FAR if end is None else end) + 1
        events = self._context.market.funding("binance", symbol, start or 0, until)
        page = events[-limit:] if start is None else events[:limit]
        venue_symbol = request.query["symbol"]
        body: list[dict[str, Any]] = [
            {"symbol": venue_symbol, "fundingTime": e.time, "fundingRate": e.rate, "markPrice": e.mark_price}
            for e in page
        ]
        return json_response(body)

    async def funding_info(self, _: web.Request) -> web.Response:
        """Adjusted symbols only."""
        return json_response(self._context.market.funding_info("binance"))

    def _symbol(self, request: web.Request) -> str:
        symbol = self._context.market.symbols("binance", self._market).get(_required(request, "symbol"))
        if symbol is None:
            raise error(-1121, "Invalid symbol.")
        return symbol


def error(code: int, message: str) -> Refusal:
    """Binance's refusal of a bad request."""
    return Refusal({"code": code, "msg": message}, 400)


def _kline_rows(step_ms: int) -> Rows:
    def rows(chunk: Chunk) -> list[str]:
        return render_rows(
            chunk,
            [
                times(chunk, "%d"),
                *(text(chunk, name) for name in ("open", "high", "low", "close", "volume")),
                times(chunk, "%d", step_ms - 1),
                text(chunk, "quote_volume"),
                number(chunk, "trades"),
                text(chunk, "taker_base"),
                text(chunk, "taker_quote"),
                literal('"0"'),
            ],
        )

    return rows


_ROWS = {step_ms: _kline_rows(step_ms) for step_ms in TIMEFRAMES.values()}


def _required(request: web.Request, name: str) -> str:
    value = request.query.get(name, "")
    if not value:
        raise error(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def _integer(request: web.Request, name: str) -> int | None:
    value = request.query.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,20}", value):
        raise error(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return min(int(value), FAR)


def _limit(request: web.Request, default: int, maximum: int) -> int:
    return min(_integer(request, "limit") or default, maximum)


def _wanted_symbols(request: web.Request) -> list[str] | None:
    if "symbol" in request.query:
        return [request.query["symbol"]]
    if "symbols" not in request.query:
        return None
    try:
        wanted = json.loads(request.query["symbols"])
        if isinstance(wanted, list) and all(isinstance(symbol, str) for symbol in wanted):
            return wanted
    except ValueError:
        pass
    raise error(-1100, "Illegal characters found in parameter 'symbols'.")
