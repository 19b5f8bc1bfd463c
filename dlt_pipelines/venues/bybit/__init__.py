"""Bybit v5 spot.

Endpoints and paging: /v5/market/kline, 1000 rows, newest first, start and end inclusive;
/v5/market/instruments-info in one answer. `category=spot` is sent with every call: without it Bybit silently
returns perpetuals.
Disposition: append. Key: page_id. Limit: 600 calls in 5 seconds by address, then 403 and a ban of ten minutes.
Lands in: raw.bybit__spot_klines, __spot_instruments.
Run alone: python -m dlt_pipelines.venues.bybit
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import (
    Banned,
    RateLimited,
    Refused,
    RegionBlocked,
    ServerFault,
    UnknownErrorCode,
    UnknownSymbol,
)
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.venue import PageSummary
from dlt_pipelines.core.websocket import WebSocketProtocol

_CALLS = Budget("bybit calls", 600, 5)
_ORIGIN = "bybit_url"
_KLINE = Endpoint("/v5/market/kline", "public_get_v5_market_kline", _ORIGIN, _CALLS, 1, 1000, newest_first=True)
_INSTRUMENTS = Endpoint("/v5/market/instruments-info", "public_get_v5_market_instruments_info", _ORIGIN, _CALLS)
_CLOCK = Endpoint("/v5/market/time", "public_get_v5_market_time", _ORIGIN, _CALLS)

# https://bybit-exchange.github.io/docs/v5/error
_TOO_MANY = {10006, 10018}
# 10016: a system error; 10000: a server timeout (the latter from the documentation; not in ccxt's table).
_IN_TROUBLE = {10000, 10016}
# 10009: this address is banned; 10024: compliance rules, which depend on the country.
_BANNED, _REGION = 10009, 10024
# 10029: the symbol is invalid or not on an allow list; 170121: an invalid symbol (both in ccxt 4.5's table of Bybit).
_UNKNOWN_SYMBOL = {10029, 170121}
_BAN = timedelta(minutes=10)
# https://bybit-exchange.github.io/docs/v5/enum#interval
_INTERVALS = (
    {f"{n}m": str(n) for n in (1, 3, 5, 15, 30)} | {f"{n}h": str(60 * n) for n in (1, 2, 4, 6, 12)} | {"1d": "D"}
)


class Bybit:
    """Quirks of Bybit: errors as HTTP 200 with a retCode, newest first, `category` defaults to linear."""

    name = "bybit"
    ccxt_id = "bybit"
    archive = None

    @property
    def websockets(self) -> tuple[WebSocketProtocol, ...]:
        """Spot."""
        # Airflow's environment imports the venues and lacks orjson.
        from dlt_pipelines.venues.bybit.websocket import BybitWebSocket

        return (BybitWebSocket(),)

    def markets(self, dataset: str) -> tuple[str, ...]:
        """Spot only."""
        return ("spot",) if dataset in ("bars", "instruments") else ()

    def table(self, series: Series) -> str:
        """spot_klines or spot_instruments."""
        return "spot_klines" if series.dataset == "bars" else "spot_instruments"

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        """One endpoint per dataset, whatever the window."""
        return _KLINE if series.dataset == "bars" else _INSTRUMENTS

    def venue_symbol(self, series: Series) -> str:
        """BTC/USDT is BTCUSDT."""
        return series.symbol.replace("/", "")

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        """`end` is inclusive at Bybit, our ends are exclusive."""
        if not series.windowed:
            return {"category": "spot"}
        return {
            "category": "spot",
            "symbol": self.venue_symbol(series),
            "interval": _INTERVALS[series.timeframe],
            "start": str(start),
            "end": str(end - 1),
            "limit": str(endpoint.page_rows),
        }

    def check(self, status: int, body: Any) -> None:
        """A valid body has retCode 0, and a page of spot says `category` spot."""
        if not isinstance(body, dict) or "retCode" not in body:
            return
        code, message = int(body["retCode"]), str(body.get("retMsg", ""))
        text = f"{code} {message}"
        if code == 0:
            category = (body.get("result") or {}).get("category")
            if category not in (None, "", "spot"):
                raise Refused(f"Bybit returned category {category!r} instead of spot")
            return
        if code in _TOO_MANY:
            raise RateLimited(f"Bybit: {text}")
        # The parameter error says only in words which parameter is wrong.
        if (code == 10001 and "symbol" in message.lower()) or code in _UNKNOWN_SYMBOL:
            raise UnknownSymbol(f"Bybit has no such symbol ({text})")
        if code == 10001:
            raise Refused(f"Bybit: {text}")
        if code == _BANNED:
            raise Banned(f"Bybit has banned this address, for about ten minutes: {text}", datetime.now(UTC) + _BAN)
        if code == _REGION:
            raise RegionBlocked(f"Bybit does not serve the region of this machine's address: {text}")
        if code in _IN_TROUBLE:
            raise ServerFault(f"Bybit: {text}")
        raise UnknownErrorCode(f"Bybit: {text}")

    def read(self, series: Series, body: Any) -> PageSummary:
        """Rows are in `result.list`, times as text; `time` is Bybit's clock. A listing may continue at a cursor."""
        rows, now = body["result"]["list"], body.get("time")
        server_time = int(now) if now else None
        if not series.windowed:
            cursor = body["result"].get("nextPageCursor")
            return PageSummary(len(rows), server_time=server_time, more={"cursor": str(cursor)} if cursor else {})
        if not rows:
            return PageSummary(rows=0, server_time=server_time)
        return PageSummary(len(rows), int(rows[-1][0]), int(rows[0][0]), server_time)

    def clock(self, series: Series) -> Endpoint:
        """One clock for all markets."""
        return _CLOCK

    def read_clock(self, body: Any) -> int:
        """Nanoseconds are in the result, milliseconds in `time`."""
        if "time" in body:
            return int(body["time"])
        return int(body["result"]["timeNano"]) // 1_000_000

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        """One address for everything."""
        return {"public": url} if (url := origins.get("bybit_url")) else {}
