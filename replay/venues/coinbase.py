"""Coinbase Exchange public market data.

Candles come newest first, six JSON numbers per row: seconds, low, high, open, close, volume; no mark on the open bar. A
bar without a trade has no row. `start` and `end` are rounded up to the grid and both inclusive; more than 300 steps
between them are refused. Rows before `start` may be included, as documented: here those of three bars, if the page
has room. Without a window, the newest 300 bars. A User-Agent is required. Errors: an HTTP status and a `message`.
"""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from replay.clock import millis
from replay.market import Chunk, Series
from replay.pages import PageCutter
from replay.venues.context import Context, Limit, Refusal, Window, json_response, raw_json
from replay.venues.rows import number, render_rows, times

_GRANULARITIES = {"60": "1m", "300": "5m", "900": "15m", "3600": "1h", "21600": "6h", "86400": "1d"}
_MAX = 300
_EARLY_BARS = 3


class Coinbase:
    """Handlers of `/products` and `/time`."""

    def __init__(self, context: Context):
        self._context = context
        self._cutter = PageCutter(newest_first=True)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """All endpoints under the prefix."""
        return [
            web.get(prefix + "/time", self.time),
            web.get(prefix + "/products", self.products),
            web.get(prefix + "/products/{id}/candles", self.candles),
        ]

    async def time(self, request: web.Request) -> web.Response:
        """The server's time as text and in seconds."""
        _require_user_agent(request)
        now = self._context.clock.now_ms()
        iso = f"{datetime.fromtimestamp(now // 1000, UTC):%Y-%m-%dT%H:%M:%S}"
        return json_response({"iso": f"{iso}.{now % 1000:03d}Z", "epoch": now / 1000})

    async def products(self, request: web.Request) -> web.Response:
        """All products, including those that are no longer traded."""
        _require_user_agent(request)
        return json_response(self._context.market.instruments("coinbase", "spot"))

    async def candles(self, request: web.Request) -> web.Response:
        """A page of bars."""
        _require_user_agent(request)
        symbol = self._context.market.symbols("coinbase", "spot").get(request.match_info["id"])
        if symbol is None:
            raise Refusal({"message": "NotFound"}, 404)
        granularity = request.query.get("granularity", "60")
        if granularity not in _GRANULARITIES:
            raise Refusal({"message": "Unsupported granularity"}, 400)
        series = self._context.market.series("coinbase", "spot", symbol, _GRANULARITIES[granularity])
        if series is None:
            return json_response([])
        start, end = self._window(request, series.step_ms)
        return raw_json(b"[" + self._page(series, start, end) + b"]")

    def _window(self, request: web.Request, step: int) -> tuple[int, int]:
        """Requested open times, [start, end); both parameters or none."""
        if not {"start", "end"} <= set(request.query):
            end = self._context.clock.now_ms() // step * step + step
            return end - _MAX * step, end
        first, last = (-(-_instant(request.query[name]) // step) * step for name in ("start", "end"))
        # 300 steps, which are 301 bars, are still accepted.
        if (last - first) // step > _MAX:
            text = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
            raise Refusal({"message": text}, 400)
        return first, last + step

    def _page(self, series: Series, start: int, end: int) -> bytes:
        window = Window.until_now(series, start, end, self._context.clock.now_ms())
        present = window.open_bar
        newest = b"" if present is None else _rows(Chunk.of([present]))[0].encode()
        if end - start < (_MAX - _EARLY_BARS) * series.step_ms:
            start -= _EARLY_BARS * series.step_ms
        body, _ = self._cutter.newest(series, _rows, start, window.end_ms, _MAX + 1 - (present is not None))
        return b",".join(part for part in (newest, body) if part)


def _rows(chunk: Chunk) -> list[str]:
    seconds = times(chunk, "%d")[1] or []
    names = ("low", "high", "open", "close", "volume")
    return render_rows(chunk, [("%d", [time // 1000 for time in seconds]), *(number(chunk, name) for name in names)])


def _instant(text: str) -> int:
    try:
        return millis(datetime.fromisoformat(text))
    except ValueError:
        raise Refusal({"message": f"Invalid time {text}"}, 400) from None


def _require_user_agent(request: web.Request) -> None:
    if not request.headers.get("User-Agent"):
        raise Refusal({"message": "User-Agent header is required."}, 400)


_MESSAGES = {
    "429": "Public rate limit exceeded",
    "403": "Forbidden",
    "451": "Unavailable For Legal Reasons",
    "busy": "Internal server error",
}


def error_body(what: str) -> Any:
    """The body of a failure."""
    return {"message": _MESSAGES[what]}


def empty_body(path: str) -> Any:
    """A page without rows."""
    return []


def limits(request: web.Request) -> list[Limit]:
    """10 calls per second, and a burst of 5 more."""
    return [Limit("coinbase calls", 15, 1.0)]
