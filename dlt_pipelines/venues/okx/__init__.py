"""OKX spot candles, swap funding, listings.

Endpoints and paging: /api/v5/market/history-candles (300 rows) and, for the newest 1,440 bars,
/api/v5/market/candles; newest first; `after` means older than, `before` newer than, both exclusive, always sent
together (`before` alone returns the newest page). /api/v5/public/funding-rate-history serves three months.
/api/v5/public/instruments in one answer a market.
Disposition: append. Key: page_id. Limits: 20, 40 and 10 calls in 2 seconds.
Lands in: raw.okx__spot_candles, __swap_funding, __instruments.
Run alone: python -m dlt_pipelines.venues.okx
"""

from collections.abc import Mapping
from typing import Any

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.errors import RateLimited, Refused, ServerFault, UnknownErrorCode, UnknownSymbol
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import TIMEFRAMES
from dlt_pipelines.core.venue import PageSummary
from dlt_pipelines.core.websocket import WebSocketProtocol
from dlt_pipelines.venues.okx import endpoints
from dlt_pipelines.venues.okx.archive import OkxArchive

# https://www.okx.com/docs-v5/en/#error-code
_TOO_MANY = {"50011", "50061"}
_UNKNOWN_INSTRUMENT = "51001"
_REFUSED = {"50014", "50015", "50016", "50044"}
# Under maintenance, timed out, offline, busy, system error (as in ccxt's table of OKX).
_IN_TROUBLE = {"50001", "50004", "50005", "50013", "50026"}
# https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-candlesticks: longer bars open at UTC+8.
_BARS = {f"{n}m": f"{n}m" for n in (1, 3, 5, 15, 30)} | {f"{n}h": f"{n}H" for n in (1, 2, 4)}
_INSTRUMENT_TYPE = {"spot": "SPOT", "perp": "SWAP"}


class Okx:
    """Quirks of OKX: newest first, `confirm` in its bars, no clock in its pages."""

    name = "okx"
    ccxt_id = "okx"
    archive = OkxArchive()

    @property
    def websockets(self) -> tuple[WebSocketProtocol, ...]:
        """Spot."""
        # Airflow's environment imports the venues and lacks orjson.
        from dlt_pipelines.venues.okx.websocket import OkxWebSocket

        return (OkxWebSocket(),)

    def markets(self, dataset: str) -> tuple[str, ...]:
        """Bars of spot, funding of perpetuals, listings of both."""
        return {"bars": ("spot",), "funding": ("perp",), "instruments": ("spot", "perp")}.get(dataset, ())

    def table(self, series: Series) -> str:
        """Listings of both markets share a table."""
        return {"bars": "spot_candles", "funding": "swap_funding"}.get(series.dataset, "instruments")

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        """The newest bars have an endpoint of their own, with twice the budget."""
        if series.dataset == "bars" and now - start < endpoints.RECENT_BARS * TIMEFRAMES[series.timeframe]:
            return endpoints.RECENT
        return endpoints.BY_DATASET[series.dataset]

    def venue_symbol(self, series: Series) -> str:
        """BTC/USDT is BTC-USDT, its perpetual BTC-USDT-SWAP."""
        if not series.symbol:
            return ""
        return series.symbol.replace("/", "-") + ("-SWAP" if series.market == "perp" else "")

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        """Both cursors are exclusive."""
        if not series.windowed:
            return {"instType": _INSTRUMENT_TYPE[series.market]}
        bar = {"bar": _BARS[series.timeframe]} if series.dataset == "bars" else {}
        cursors = {"after": str(end), "before": str(start - 1), "limit": str(endpoint.page_rows)}
        return {"instId": self.venue_symbol(series), **bar, **cursors}

    def check(self, status: int, body: Any) -> None:
        """A valid body has code "0"."""
        if not isinstance(body, dict) or "code" not in body or str(body["code"]) == "0":
            return
        code, text = str(body["code"]), f"{body['code']} {body.get('msg', '')}"
        if code == _UNKNOWN_INSTRUMENT:
            raise UnknownSymbol(f"OKX has no such instrument ({text})")
        if code in _TOO_MANY:
            raise RateLimited(f"OKX: {text}")
        # 51xxx concern the instrument or the parameters of the request.
        if code in _REFUSED or (len(code) == 5 and code.startswith("51")):
            raise Refused(f"OKX: {text}")
        if code in _IN_TROUBLE:
            raise ServerFault(f"OKX: {text}")
        raise UnknownErrorCode(f"OKX: {text}")

    def read(self, series: Series, body: Any) -> PageSummary:
        """Rows are in `data`, times as text."""
        rows = body["data"]
        if not rows or not series.windowed:
            return PageSummary(rows=len(rows))
        key: Any = 0 if series.dataset == "bars" else "fundingTime"
        return PageSummary(rows=len(rows), oldest=int(rows[-1][key]), newest=int(rows[0][key]))

    def clock(self, series: Series) -> Endpoint:
        """One clock for all markets."""
        return endpoints.CLOCK

    def read_clock(self, body: Any) -> int:
        """{"data": [{"ts": "ms"}]}."""
        return int(body["data"][0]["ts"])

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        """One address for everything."""
        return {"rest": url} if (url := origins.get("okx_url")) else {}
