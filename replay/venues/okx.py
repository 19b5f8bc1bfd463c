"""OKX v5 public market data.

Candles come newest first, nine texts per row, confirm "0" on the open bar. `after` means older than, `before` newer
than, both exclusive; `before` alone still returns the newest page. `candles` reaches back 1,440 bars. At most 300 rows
(100 by default), 400 funding records. Errors: HTTP 200 (400 for a missing parameter) with a code.
"""

from typing import Any

from aiohttp import web

from replay.market import Chunk, Funding, Record
from replay.pages import PageCutter
from replay.venues.binance import FAR
from replay.venues.context import Context, Limit, Refusal, Window, json_response, raw_json
from replay.venues.rows import literal, render_rows, text, times

_BARS = {"1m": "1m", "5m": "5m", "15m": "15m", "1H": "1h"}
_OTHER_BARS = frozenset("1s 3m 30m 2H 4H 6H 12H 1D 2D 3D 1W 1M 3M 6Hutc 12Hutc 1Dutc 1Wutc 1Mutc".split())  # noqa: SIM905
_NEWEST = 1440
_DAY_MS = 86_400_000


class Okx:
    """Handlers of `/api/v5`."""

    def __init__(self, context: Context):
        self._context = context
        self._cutter = PageCutter(newest_first=True)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """All endpoints under the prefix."""
        base = prefix + "/api/v5"
        return [
            web.get(base + "/public/time", self.time),
            web.get(base + "/public/instruments", self.instruments),
            web.get(base + "/public/funding-rate-history", self.funding_history),
            web.get(base + "/market/candles", self.candles),
            web.get(base + "/market/history-candles", self.history_candles),
        ]

    async def time(self, _: web.Request) -> web.Response:
        """The server's time as text in ms."""
        return _data([{"ts": str(self._context.clock.now_ms())}])

    async def instruments(self, request: web.Request) -> web.Response:
        """The instruments of `instType` SPOT or SWAP, one of them if `instId` is given."""
        kind = _required(request, "instType")
        if kind not in {"SPOT", "SWAP", "MARGIN", "FUTURES", "OPTION"}:
            raise _error("51000", "Parameter instType error")
        markets = {"SPOT": "spot", "SWAP": "perp"}
        records = self._context.market.instruments("okx", markets[kind]) if kind in markets else []
        wanted = request.query.get("instId")
        if wanted is not None:
            records = [record for record in records if record["instId"] == wanted]
            if not records:
                raise _error("51001", "Instrument ID doesn't exist.")
        return _data(records)

    async def candles(self, request: web.Request) -> web.Response:
        """The newest 1,440 bars."""
        return self._candles(request, _NEWEST)

    async def history_candles(self, request: web.Request) -> web.Response:
        """All bars."""
        return self._candles(request, None)

    def _candles(self, request: web.Request, reach: int | None) -> web.Response:
        market, symbol = self._instrument(request)
        bar = request.query.get("bar", "1m")
        if bar not in _BARS and bar not in _OTHER_BARS:
            raise _error("51000", "Parameter bar error")
        older_than, newer_than = _integer(request, "after"), _integer(request, "before")
        limit = _limit(request, 100, 300)
        series = self._context.market.series("okx", market, symbol, _BARS.get(bar, bar))
        if series is None:
            return _data([])
        now = self._context.clock.now_ms()
        start = 0 if newer_than is None else newer_than + 1
        if reach is not None:
            start = max(start, (now // series.step_ms - reach + 1) * series.step_ms)
        window = Window.until_now(series, start, FAR if older_than is None else older_than, now)
        rows = _swap_rows if market == "perp" else _spot_rows
        present = window.open_bar
        left = limit - (present is not None)
        body, _ = self._cutter.newest(series, rows, window.start_ms, window.end_ms, left)
        if present is not None:
            first = rows(Chunk.of([present]))[0].removesuffix('"1"]').encode() + b'"0"]'
            body = first + b"," + body if body else first
        return raw_json(b'{"code":"0","msg":"","data":[' + body + b"]}")

    async def funding_history(self, request: web.Request) -> web.Response:
        """Newest first, three months at most. fundingRate is the prediction, realizedRate what was paid."""
        market, symbol = self._instrument(request)
        if market != "perp":
            raise _error("51000", "Parameter instId error")
        older_than, newer_than = _integer(request, "after"), _integer(request, "before")
        now = self._context.clock.now_ms()
        start = 0 if newer_than is None else newer_than + 1
        if self._context.okx_funding_days is not None:
            start = max(start, now - self._context.okx_funding_days * _DAY_MS)
        end = min(now + 1, FAR if older_than is None else older_than)
        events = self._context.market.funding("okx", symbol, start, end)[-_limit(request, 400, 400) :]
        return _data([_funding_record(request.query["instId"], event) for event in reversed(events)])

    def _instrument(self, request: web.Request) -> tuple[str, str]:
        name = _required(request, "instId")
        for market in ("spot", "perp"):
            symbol = self._context.market.symbols("okx", market).get(name)
            if symbol is not None:
                return market, symbol
        raise _error("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")


_ERRORS = {
    "429": ("50011", "Too Many Requests"),
    "403": ("50030", "You don't have permission to use this API endpoint"),
    "451": ("50125", "This feature is unavailable in your region."),
    "busy": ("50001", "Service temporarily unavailable. Please try again later"),
}
_CALLS = {"history-candles": 20, "candles": 40, "funding-rate-history": 10, "instruments": 20, "time": 10}


def error_body(what: str) -> Any:
    """The body of a failure."""
    code, message = _ERRORS[what]
    return {"code": code, "msg": message, "data": []}


def empty_body(path: str) -> Any:
    """A page without rows."""
    return {"code": "0", "msg": "", "data": []}


def limits(request: web.Request) -> list[Limit]:
    """Calls in 2 seconds by endpoint, some by instrument too; lists of archive files 2 in 5 seconds."""
    endpoint = request.path.rsplit("/", 1)[1]
    name = f"okx {endpoint}"
    if endpoint == "market-data-history":
        return [Limit(name, 2, 5.0)]
    if endpoint in {"funding-rate-history", "instruments"}:
        name += f" {request.query.get('instId', request.query.get('instType', ''))}"
    return [Limit(name, _CALLS.get(endpoint, 20), 2.0)]


def _spot_rows(chunk: Chunk) -> list[str]:
    prices = (text(chunk, name) for name in ("open", "high", "low", "close"))
    volumes = (text(chunk, name) for name in ("volume", "quote_volume", "quote_volume"))
    return render_rows(chunk, [times(chunk, '"%d"'), *prices, *volumes, literal('"1"')])


def _swap_rows(chunk: Chunk) -> list[str]:
    prices = (text(chunk, name) for name in ("open", "high", "low", "close"))
    volumes = (text(chunk, name) for name in ("contracts", "volume", "quote_volume"))
    return render_rows(chunk, [times(chunk, '"%d"'), *prices, *volumes, literal('"1"')])


def _funding_record(name: str, event: Funding) -> Record:
    record: Record = dict(event.extra) | {
        "fundingRate": event.predicted,
        "fundingTime": str(event.time),
        "instId": name,
        "instType": "SWAP",
        "realizedRate": event.rate,
    }
    return dict(sorted(record.items()))


def _data(data: list[Any]) -> web.Response:
    return json_response({"code": "0", "msg": "", "data": data})


def _error(code: str, message: str, status: int = 200) -> Refusal:
    return Refusal({"code": code, "msg": message, "data": []}, status)


def _required(request: web.Request, name: str) -> str:
    value = request.query.get(name, "")
    if not value:
        raise _error("50014", f"Parameter {name} can not be empty.", 400)
    return value


def _integer(request: web.Request, name: str) -> int | None:
    value = request.query.get(name, "")
    if not value:
        return None
    if not value.isdecimal():
        raise _error("51000", f"Parameter {name} error")
    return min(int(value), FAR)


def _limit(request: web.Request, default: int, maximum: int) -> int:
    return min(_integer(request, "limit") or default, maximum)
