"""Coinbase Exchange spot (api.exchange.coinbase.com; not the brokerage's Advanced Trade API).

Endpoints and paging: /products/{id}/candles, 300 rows, newest first, `start` and `end` inclusive and on the grid; a
larger window is refused, and rows before `start` may be included. Ten bars before each window are requested with it.
Daily candles show whether a year has any data.
/products in one answer.
A minute without a trade has no row, 1m and 1h alike: an outage of the venue looks the same.
Disposition: append. Key: page_id. Limit: 10 calls a second by address.
Lands in: raw.coinbase__spot_candles, __spot_instruments.
Run alone: python -m dlt_pipelines.venues.coinbase
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import RateLimited, Refused, UnknownErrorCode, UnknownSymbol
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, TIMEFRAMES, floor_to, from_ms, to_ms
from dlt_pipelines.core.venue import PageSummary

# https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits: 10 per second, bursts of 15 (token bucket).
_CALLS = Budget("coinbase calls", 10, 1)
_ORIGIN = "coinbase_url"
_DAY_MS = 24 * 60 * MINUTE_MS
_GRANULARITIES = (60, 300, 900, 3_600, 21_600, 86_400)
# Seconds, low, high, open, close, volume.
_FIELDS = 6
_MAX_ROWS = 300
_CANDLES = Endpoint(
    "/products/{id}/candles",
    "public_get_products_id_candles",
    _ORIGIN,
    _CALLS,
    page_rows=_MAX_ROWS,
    newest_first=True,
    sparse=True,
    widest_ms=298 * _DAY_MS,
    early_rows=True,
    lead_rows=10,
)
_PRODUCTS = Endpoint("/products", "public_get_products", _ORIGIN, _CALLS)
_CLOCK = Endpoint("/time", "public_get_time", _ORIGIN, _CALLS)


class Coinbase:
    """Quirks of Coinbase: seconds, low before open, JSON numbers, no row for a quiet bar, errors as `message`."""

    name = "coinbase"
    ccxt_id = "coinbaseexchange"
    archive = None
    websockets = ()

    def markets(self, dataset: str) -> tuple[str, ...]:
        """Spot only."""
        return ("spot",) if dataset in ("bars", "instruments") else ()

    def table(self, series: Series) -> str:
        """spot_candles or spot_instruments."""
        return "spot_candles" if series.dataset == "bars" else "spot_instruments"

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        """One endpoint per dataset, whatever the window."""
        return _CANDLES if series.dataset == "bars" else _PRODUCTS

    def venue_symbol(self, series: Series) -> str:
        """BTC/USDT is BTC-USDT."""
        return series.symbol.replace("/", "-")

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        """Both ends are open times, as others are rounded up; a window of too many bars is requested in longer bars."""
        if not series.windowed:
            return {}
        for seconds in _GRANULARITIES:
            step = seconds * 1000
            first, last = floor_to(start, step), floor_to(end - 1, step)
            if step >= TIMEFRAMES[series.timeframe] and (last - first) // step < _MAX_ROWS:
                break
        window = {"start": _iso(first), "end": _iso(last)}
        return {"id": self.venue_symbol(series), "granularity": str(seconds), **window}

    def check(self, status: int, body: Any) -> None:
        """Errors are an object with a `message`, some of them with status 200."""
        if not isinstance(body, dict) or "message" not in body:
            return
        text = str(body["message"])
        if "rate limit" in text.lower():
            raise RateLimited(f"Coinbase: {text}")
        if status == 404:
            raise UnknownSymbol(f"Coinbase has no such product ({text})")
        if status == 400:
            raise Refused(f"Coinbase: {text}")
        raise UnknownErrorCode(f"Coinbase: {text}")

    def read(self, series: Series, body: Any) -> PageSummary:
        """Rows are arrays that begin with seconds, or the products."""
        if not isinstance(body, list):
            raise TypeError("a page is a list")
        if not body or not series.windowed:
            return PageSummary(rows=len(body))
        if any(len(row) < _FIELDS for row in (body[0], body[-1])):
            raise TypeError(f"a candle has {_FIELDS} numbers")
        return PageSummary(rows=len(body), oldest=int(body[-1][0]) * 1000, newest=int(body[0][0]) * 1000)

    def clock(self, series: Series) -> Endpoint:
        """One clock for everything."""
        return _CLOCK

    def read_clock(self, body: Any) -> int:
        """{"iso": …, "epoch": seconds with a fraction}: the text is exact."""
        return to_ms(datetime.fromisoformat(body["iso"]))

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        """One address for everything."""
        return {"public": url} if (url := origins.get(_ORIGIN)) else {}


def _iso(ms: int) -> str:
    return f"{from_ms(ms):%Y-%m-%dT%H:%M:%SZ}"
