"""Binance spot and USD-M futures.

Endpoints and paging: /api/v3/klines (1000 rows) and /fapi/v1/klines (499 rows: the most per unit of weight),
oldest first, startTime and endTime inclusive; /fapi/v1/fundingRate, 1000 rows, oldest first;
/api/v3/exchangeInfo and /fapi/v1/exchangeInfo in one answer.
Disposition: append. Key: page_id. Limits: 6,000 and 2,400 weight a minute by address.
Lands in: raw.binance__spot_klines, __usdm_klines, __usdm_funding, __spot_instruments, __usdm_instruments.
Run alone: python -m dlt_pipelines.venues.binance
"""

from collections.abc import Mapping
from typing import Any

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.errors import RateLimited, Refused, ServerFault, UnknownErrorCode, UnknownSymbol
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.venue import PageSummary
from dlt_pipelines.core.websocket import WebSocketProtocol
from dlt_pipelines.venues.binance import endpoints
from dlt_pipelines.venues.binance.archive import BinanceArchive

# https://developers.binance.com/docs/binance-spot-api-docs/errors
_TOO_MANY = {-1003, -1015}
_IN_TROUBLE = {-1000, -1001, -1006, -1007, -1008, -1016, -1034}
_INVALID_SYMBOL = -1121


class Binance:
    """Quirks of Binance: no clock in its pages, no closed flag, symbols without a separator."""

    name = "binance"
    ccxt_id = "binance"
    archive = BinanceArchive()

    @property
    def websockets(self) -> tuple[WebSocketProtocol, ...]:
        """Spot and USD-M."""
        # Airflow's environment imports the venues and lacks orjson.
        from dlt_pipelines.venues.binance.websocket import SPOT, USDM, BinanceWebSocket

        return (BinanceWebSocket(SPOT), BinanceWebSocket(USDM))

    def markets(self, dataset: str) -> tuple[str, ...]:
        """Bars and listings of both markets; funding of perpetuals."""
        return {"bars": ("spot", "perp"), "funding": ("perp",), "instruments": ("spot", "perp")}.get(dataset, ())

    def table(self, series: Series) -> str:
        """spot_… or usdm_…."""
        market = "usdm" if series.market == "perp" else "spot"
        return f"{market}_{'klines' if series.dataset == 'bars' else series.dataset}"

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        """One endpoint per dataset and market, whatever the window."""
        return endpoints.BY_SERIES[series.dataset, series.market]

    def venue_symbol(self, series: Series) -> str:
        """BTC/USDT is BTCUSDT."""
        return series.symbol.replace("/", "")

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        """EndTime is inclusive at Binance, our ends are exclusive."""
        if not series.windowed:
            return {}
        window = {"startTime": str(start), "endTime": str(end - 1), "limit": str(endpoint.page_rows)}
        interval = {"interval": series.timeframe} if series.dataset == "bars" else {}
        return {"symbol": self.venue_symbol(series), **interval, **window}

    def check(self, status: int, body: Any) -> None:
        """Errors are an object with `code` and `msg`."""
        if not isinstance(body, dict) or "code" not in body or body["code"] in (0, 200):
            return
        code, text = body["code"], f"{body['code']} {body.get('msg', '')}"
        if code == _INVALID_SYMBOL:
            raise UnknownSymbol(f"Binance has no such symbol ({text})")
        if code in _TOO_MANY:
            raise RateLimited(f"Binance: {text}")
        if code in _IN_TROUBLE:
            raise ServerFault(f"Binance: {text}")
        if status == 200:
            raise UnknownErrorCode(f"Binance: {text}")
        raise Refused(f"Binance: {text}")

    def read(self, series: Series, body: Any) -> PageSummary:
        """Rows are arrays (bars) or objects (funding); a listing has `symbols`."""
        if series.dataset == "instruments":
            return PageSummary(rows=len(body["symbols"]), server_time=body.get("serverTime"))
        if not isinstance(body, list):
            raise TypeError("a page is a list")
        if not body:
            return PageSummary(rows=0)
        key: Any = 0 if series.dataset == "bars" else "fundingTime"
        return PageSummary(rows=len(body), oldest=int(body[0][key]), newest=int(body[-1][key]))

    def clock(self, series: Series) -> Endpoint:
        """Spot and futures have a clock each."""
        return endpoints.CLOCKS[series.market]

    def read_clock(self, body: Any) -> int:
        """{"serverTime": ms}."""
        return int(body["serverTime"])

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        """Includes the API version, as in ccxt's own addresses."""
        found = {}
        if spot := origins.get("binance_spot_url"):
            found["public"] = f"{spot}/api/v3"
        if usdm := origins.get("binance_usdm_url"):
            found["fapiPublic"] = f"{usdm}/fapi/v1"
        return found
