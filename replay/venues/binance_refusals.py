"""Binance's refusals: its error bodies and request weights."""

from typing import Any

from aiohttp import web

from replay.venues.context import Limit

_ERRORS = {
    "429": (-1003, "Too many requests; current limit is 6000 request weight per 1 MINUTE."),
    "403": (-2015, "Forbidden by the web application firewall."),
    "451": (0, "Service unavailable from a restricted location according to 'b. Eligibility'."),
    "busy": (-1001, "Internal error; unable to process your request. Please try again."),
}
_SPOT_WEIGHTS = {"klines": 2, "exchangeInfo": 20}


def error_body(what: str) -> Any:
    """The body of a failure."""
    code, message = _ERRORS[what]
    return {"code": code, "msg": message}


def empty_body(path: str) -> Any:
    """A page without rows."""
    return {"symbols": []} if path.endswith("exchangeInfo") else []


def spot_limits(request: web.Request) -> list[Limit]:
    """Weight 6,000 a minute."""
    return [Limit("binance-spot weight", 6000, 60.0, _SPOT_WEIGHTS.get(_endpoint(request), 1))]


def usdm_limits(request: web.Request) -> list[Limit]:
    """Weight 2,400 a minute, and 500 calls in 5 minutes for funding."""
    if _endpoint(request) in {"fundingRate", "fundingInfo"}:
        return [Limit("binance-usdm funding calls", 500, 300.0)]
    return [Limit("binance-usdm weight", 2400, 60.0, _usdm_weight(request))]


def _usdm_weight(request: web.Request) -> int:
    if _endpoint(request) != "klines":
        return 1
    limit = request.query.get("limit", "500")
    rows = int(limit) if limit.isdecimal() else 500
    return next((weight for bound, weight in ((99, 1), (499, 2), (1000, 5)) if rows <= bound), 10)


def _endpoint(request: web.Request) -> str:
    return request.path.rsplit("/", 1)[1]
