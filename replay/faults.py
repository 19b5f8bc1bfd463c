"""Failures on request, in each venue's own words.

Kinds: 418, 429, 403, 451, 500, 502, 503 (that HTTP status), 5xx (one of the three), html (HTTP 200 with a page),
cut (JSON that ends in the middle), reset (the connection breaks), slow (the right answer, late), error_200 (HTTP 200
with an error body), empty (HTTP 200 with no rows).
"""

import random
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from replay.venues.context import json_response

KINDS = ("429", "418", "403", "451", "5xx", "500", "502", "503", "html", "cut", "reset", "slow", "error_200", "empty")
HTML = "<!DOCTYPE html><html><head><title>Please wait</title></head><body>Checking your browser</body></html>"


@dataclass(slots=True)
class Faults:
    """Which share of requests fails and how; `path` limits it to paths with this text, `times` to so many failures.

    The same seed and the same order of requests give the same failures.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = ("429", "5xx", "html", "cut", "reset")
    seed: int = 0
    path: str = ""
    times: int | None = None
    retry_after_seconds: int = 1
    slow_seconds: float = 2.0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown kind or a rate that is no share."""
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise ValueError(f"unknown fault {', '.join(unknown)}: allowed are {', '.join(KINDS)}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"fault rate {self.rate} is not between 0 and 1")
        self.kinds = tuple(self.kinds)
        self._random = random.Random(self.seed)  # noqa: S311 (repeatable, not secret)

    def draw(self, path: str) -> str | None:
        """The failure of the next request, or None."""
        if not self.rate or self.path not in path or self.times == 0 or self._random.random() >= self.rate:
            return None
        if self.times is not None:
            self.times -= 1
        kind = self._random.choice(self.kinds)
        return self._random.choice(("500", "502", "503")) if kind == "5xx" else kind


def origin_of(path: str) -> str:
    """The first part of the path, which names the venue: `okx` of /okx/api/v5/market/candles."""
    return path.split("/", 2)[1]


def failure(kind: str, path: str, retry_after_seconds: int) -> web.Response:
    """The answer that a failing venue gives in place of the right one."""
    origin = origin_of(path)
    if kind == "html":
        return web.Response(text=HTML, content_type="text/html")
    if kind == "empty":
        return json_response(_empty(origin, path))
    if kind == "error_200":
        return json_response(_body(origin, "busy"))
    if kind in {"429", "418"}:
        return too_many(origin, int(kind), retry_after_seconds)
    if kind in {"500", "502", "503"}:
        if kind == "503" and origin.startswith("binance"):
            return json_response(_body(origin, "busy"), 503)
        return web.Response(text=HTML.replace("Please wait", kind), status=int(kind), content_type="text/html")
    return json_response(_body(origin, kind), int(kind))


def too_many(origin: str, status: int, retry_after_seconds: int) -> web.Response:
    """A venue's answer to too many requests: Binance names when to come back, Bybit answers with HTTP 200."""
    if origin == "bybit":
        return json_response(_body(origin, "429"))
    headers = {} if origin == "okx" else {"Retry-After": str(retry_after_seconds)}
    return json_response(_body(origin, "429"), status, headers)


_BINANCE = {
    "429": (-1003, "Too many requests; current limit is 6000 request weight per 1 MINUTE."),
    "403": (-2015, "Forbidden by the web application firewall."),
    "451": (0, "Service unavailable from a restricted location according to 'b. Eligibility'."),
    "busy": (-1001, "Internal error; unable to process your request. Please try again."),
}
_OKX = {
    "429": ("50011", "Too Many Requests"),
    "403": ("50030", "You don't have permission to use this API endpoint"),
    "451": ("50125", "This feature is unavailable in your region."),
    "busy": ("50001", "Service temporarily unavailable. Please try again later"),
}
_BYBIT = {
    "429": (10006, "Too many visits. Exceeded the API Rate Limit."),
    "403": (10009, "IP has been banned."),
    "451": (10024, "Compliance rules triggered"),
    "busy": (10016, "Internal server error."),
}


def _body(origin: str, what: str) -> Any:
    if origin.startswith("binance"):
        code, message = _BINANCE[what]
        return {"code": code, "msg": message}
    if origin == "okx":
        text_code, message = _OKX[what]
        return {"code": text_code, "msg": message, "data": []}
    if origin == "bybit":
        code, message = _BYBIT[what]
        return {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 0}
    return {"name": "Fear and Greed Index", "data": [], "metadata": {"error": what}}


def _empty(origin: str, path: str) -> Any:
    if origin == "okx":
        return {"code": "0", "msg": "", "data": []}
    if origin == "bybit":
        return {"retCode": 0, "retMsg": "OK", "result": {"list": []}, "retExtInfo": {}, "time": 0}
    if origin == "alternative-me":
        return {"name": "Fear and Greed Index", "data": [], "metadata": {"error": None}}
    return {"symbols": []} if path.endswith("exchangeInfo") else []
