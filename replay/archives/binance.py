"""data.binance.vision: zips of klines and funding, each with a .CHECKSUM file.

Spot klines have no header row and are in microseconds from 2025-01-01 on; futures have a header and milliseconds.
Daily files appear the day after, monthly ones on the first Monday after the month. Absent files answer 404 with XML.
"""

import hashlib
import re

from aiohttp import web

from replay.archives import rows
from replay.archives.library import Library, Recipe
from replay.archives.periods import Period, first_monday, parse_period
from replay.clock import parse_instant
from replay.market import TIMEFRAMES
from replay.venues.context import Context

_MICROSECONDS_SINCE = parse_instant("2025-01-01T00:00:00Z")
_KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
_FUNDING_HEADER = "calc_time,funding_interval_hours,last_funding_rate"
_KLINES = re.compile(r"(spot|futures/um)/(monthly|daily)/klines/(\w+)/(\w+)/(\w+)-(\w+)-([\d-]+)\.zip")
_FUNDING = re.compile(r"(futures/um)/(monthly)/fundingRate/(\w+)/(\w+)-(fundingRate)-([\d-]+)\.zip")


class BinanceArchive:
    """Handlers of the archive's paths."""

    def __init__(self, context: Context, library: Library):
        self._context = context
        self._library = library

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Every path under `data/`."""
        return [web.get(prefix + "/data/{path:.+}", self.file)]

    async def file(self, request: web.Request) -> web.Response:
        """A zip, or the digest of one."""
        path = request.match_info["path"]
        wanted = path.removesuffix(".CHECKSUM")
        body = self._body(wanted)
        if body is None:
            return _not_found(path)
        if wanted == path:
            return web.Response(body=body, content_type="application/zip")
        tricks = self._library.tricks.on(wanted)
        if "no_checksum" in tricks:
            return _not_found(path)
        digest = hashlib.sha256(body + (b"!" if "bad_checksum" in tricks else b"")).hexdigest()
        return web.Response(text=f"{digest}  {wanted.rsplit('/', 1)[-1]}\n", content_type="binary/octet-stream")

    def _body(self, path: str) -> bytes | None:
        found = self._klines(path) or self._funding(path)
        if found is None:
            return None
        recipe, period = found
        published = first_monday(period) if period.monthly else period.end_ms
        if self._context.clock.now_ms() < published:
            return None
        return self._library.body(path, recipe, period)

    def _klines(self, path: str) -> tuple[Recipe, Period] | None:
        match = _KLINES.fullmatch(path)
        if match is None or match[3] != match[5] or match[4] != match[6]:
            return None
        market = "spot" if match[1] == "spot" else "perp"
        symbol = self._context.market.symbols("binance", market).get(match[3])
        period = parse_period(match[7])
        if symbol is None or period is None or period.monthly != (match[2] == "monthly"):
            return None
        timeframe = match[4]

        def lines(start: int, end: int, microseconds: bool) -> list[str]:
            bars = self._context.market.bars("binance", market, symbol, timeframe, start, end)
            return rows.binance_klines(bars, TIMEFRAMES[timeframe], microseconds)

        if timeframe not in TIMEFRAMES:
            return None
        member = path.rsplit("/", 1)[-1].replace(".zip", ".csv")
        microseconds = market == "spot" and period.start_ms >= _MICROSECONDS_SINCE
        return Recipe(member, _KLINE_HEADER, market == "perp", lines, 4, microseconds), period

    def _funding(self, path: str) -> tuple[Recipe, Period] | None:
        match = _FUNDING.fullmatch(path)
        period = parse_period(match[6]) if match else None
        if match is None or match[3] != match[4] or period is None or not period.monthly:
            return None
        symbol = self._context.market.symbols("binance", "perp").get(match[3])
        if symbol is None:
            return None

        def lines(start: int, end: int, _: bool) -> list[str]:
            return rows.binance_funding(self._context.market.funding("binance", symbol, start, end))

        member = path.rsplit("/", 1)[-1].replace(".zip", ".csv")
        return Recipe(member, _FUNDING_HEADER, True, lines, 2), period


def _not_found(path: str) -> web.Response:
    text = f"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Key>data/{path}</Key></Error>"
    return web.Response(status=404, text=text, content_type="application/xml")
