"""OKX's files: a list of them in its API, the zips on its static host.

`/api/v5/public/market-data-history`: module 2 lists 1m candles, 3 funding; monthly or daily; at most 6 months or 7 days
and 4 instruments a call (3p). Days and months are cut at UTC+8, files appear two days late. The list names the real
static host, as the real one does.
"""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from replay.archives import rows
from replay.archives.library import Library, Recipe
from replay.archives.periods import DAY_MS, Period, parse_period
from replay.venues.context import Context, Refusal, json_response

_OFFSET_MS = 8 * 3_600_000
_LATE_MS = 2 * DAY_MS
_HOST = "https://static.okx.com"
_TREE = "/cdn/okex/traderecords/"
_CANDLES_HEADER = "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm"
_FUNDING_HEADER = "instrument_name,funding_rate,funding_time"
_FILE = re.compile(r"(candlesticks|swaprates)/(monthly|daily)/(\d+)/([^/]+)-(candlesticks|fundingrates)-([\d-]+)\.zip")
_MAX = {"monthly": 6, "daily": 7}
_SELECTORS = {"SPOT": "instIdList", "SWAP": "instFamilyList"}


class OkxArchive:
    """Handlers of the list and of the static host."""

    def __init__(self, context: Context, library: Library):
        self._context = context
        self._library = library

    def routes(self, api: str, static: str) -> list[web.RouteDef]:
        """The list under the API's prefix, the files under the static host's."""
        return [
            web.get(api + "/api/v5/public/market-data-history", self.listing),
            web.get(static + _TREE + "{path:.+}", self.file),
        ]

    async def listing(self, request: web.Request) -> web.Response:
        """Files of some instruments in a range of months or days, both ends inclusive."""
        query = request.query
        module, kind, span = query.get("module"), query.get("instType", ""), query.get("dateAggrType", "")
        if (module, kind) not in {("2", "SPOT"), ("2", "SWAP"), ("3", "SWAP")} or span not in _MAX:
            raise _error("51000", "Parameter module error")
        names = [name for name in query.get(_SELECTORS[kind], "").split(",") if name]
        if not names or len(names) > 4:
            raise _error("51000", f"Parameter {_SELECTORS[kind]} error")
        periods = _periods(int(query["begin"]), int(query["end"]), span)
        if len(periods) > _MAX[span]:
            raise _error("50077" if span == "monthly" else "50076", "The date range is too long")
        suffix = "-SWAP" if kind == "SWAP" else ""
        details = [self._detail(name, suffix, kind, module == "3", span, periods) for name in names]
        body = {"ts": str(self._context.clock.now_ms()), "totalSizeMB": "0", "dateAggrType": span, "details": details}
        return json_response({"code": "0", "msg": "", "data": [body]})

    def _detail(
        self, name: str, suffix: str, kind: str, funding: bool, span: str, periods: list[Period]
    ) -> dict[str, Any]:
        files = []
        for period in periods:
            path = _path(name + suffix, funding, span, period)
            # A file that a trick makes disappear is still listed, as a list may be older than the files.
            if self._made(path, listed=True):
                files.append(
                    {
                        "dateTs": str(period.start_ms),
                        "filename": path.rsplit("/", 1)[-1],
                        "sizeMB": "1",
                        "url": f"{_HOST}{_TREE}{path}?v=999",
                    }
                )
        instrument = {"instId": "" if suffix else name, "instFamily": name if suffix else "", "instType": kind}
        edges = (
            {"dateRangeStart": str(periods[0].start_ms), "dateRangeEnd": str(periods[-1].start_ms)} if periods else {}
        )
        return {**instrument, **edges, "groupSizeMB": "0", "groupDetails": files}

    async def file(self, request: web.Request) -> web.Response:
        """A zip, with its MD5 in the headers as object stores send it."""
        path = request.match_info["path"]
        body = self._made(path)
        if not isinstance(body, bytes):
            return web.Response(
                status=404, text="<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml"
            )
        tricks = self._library.tricks.on(path)
        digest = hashlib.md5(body + (b"!" if "bad_checksum" in tricks else b""), usedforsecurity=False)
        headers = {"ETag": f'"{digest.hexdigest().upper()}"'}
        if "no_checksum" not in tricks:
            headers["Content-MD5"] = base64.b64encode(digest.digest()).decode()
        return web.Response(body=body, content_type="application/zip", headers=headers)

    def _made(self, path: str, listed: bool = False) -> bytes | bool | None:
        match = _FILE.fullmatch(path)
        period = parse_period(match[6], _OFFSET_MS) if match else None
        if match is None or period is None or self._context.clock.now_ms() < period.end_ms + _LATE_MS:
            return None
        funding = match[5] == "fundingrates"
        kind = "perp" if match[4].endswith("-SWAP") else "spot"
        symbol = self._context.market.symbols("okx", kind).get(match[4])
        if symbol is None or (funding and match[2] == "daily"):
            return None
        recipe = self._recipe(path, match[4], kind, symbol, funding)
        if listed:
            return bool(recipe.rows(period.start_ms, period.end_ms, False))
        return self._library.body(path, recipe, period)

    def _recipe(self, path: str, name: str, kind: str, symbol: str, funding: bool) -> Recipe:
        market = self._context.market

        def candles(start: int, end: int, _: bool) -> list[str]:
            return rows.okx_candles(market.bars("okx", kind, symbol, "1m", start, end), name)

        def rates(start: int, end: int, _: bool) -> list[str]:
            return rows.okx_funding(market.funding("okx", symbol, start, end), name)

        member = path.rsplit("/", 1)[-1].replace(".zip", ".csv")
        if funding:
            return Recipe(member, _FUNDING_HEADER, True, rates, 1)
        return Recipe(member, _CANDLES_HEADER, True, candles, 4)


def _path(name: str, funding: bool, span: str, period: Period) -> str:
    folder, word = ("swaprates", "fundingrates") if funding else ("candlesticks", "candlesticks")
    return f"{folder}/{span}/{period.label.replace('-', '')}/{name}-{word}-{period.label}.zip"


def _periods(begin_ms: int, end_ms: int, span: str) -> list[Period]:
    """Months or days in UTC+8 that overlap [begin, end]."""
    found: list[Period] = []
    at = begin_ms
    while at <= end_ms and len(found) < 100:
        label = _label(at, span)
        period = parse_period(label, _OFFSET_MS)
        assert period is not None
        found.append(period)
        at = period.end_ms
    return found


def _label(at_ms: int, span: str) -> str:
    moment = datetime.fromtimestamp((at_ms + _OFFSET_MS) / 1000, UTC)
    return moment.strftime("%Y-%m" if span == "monthly" else "%Y-%m-%d")


def _error(code: str, message: str) -> Refusal:
    return Refusal({"code": code, "msg": message, "data": []})
