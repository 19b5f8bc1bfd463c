"""Failures on request, with each venue's own error bodies.

Kinds: 418, 429, 403, 451, 500, 502, 503 (that HTTP status), 5xx (one of the three), html (HTTP 200 with a page),
cut (truncated JSON), reset (the connection breaks), slow (the right response, late), error_200 (HTTP 200
with an error body), empty (HTTP 200 with no rows).
"""

import random
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from replay.venues.context import json_response
from replay.venues.origins import ORIGINS, Origin, origin_of

KINDS = ("429", "418", "403", "451", "5xx", "500", "502", "503", "html", "cut", "reset", "slow", "error_200", "empty")
HTML = "<!DOCTYPE html><html><head><title>Please wait</title></head><body>Checking your browser</body></html>"


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """A response that replaces the right one, for requests whose path and decoded query contain these texts.

    A `body` that is not a string is sent as JSON.
    """

    path: str
    query: str
    body: Any
    status: int = 200

    def to(self, request: web.Request) -> web.Response | None:
        """The response if it applies to this request, else None."""
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        if self.path not in request.path or self.query not in f"{query}&":
            return None
        if isinstance(self.body, str):
            return web.Response(text=self.body, status=self.status)
        return json_response(self.body, self.status)


@dataclass(slots=True)
class Faults:
    """Which share of requests fails, and how; `path` limits it to paths with this text, `times` to this many failures.

    The same seed and order of requests give the same failures.
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
        """Raises ValueError for an unknown kind or a rate outside 0 to 1."""
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


def failure(kind: str, path: str, retry_after_seconds: int) -> web.Response:
    """The response of a failing venue."""
    name = origin_of(path)
    origin = _failing_origin(name)
    if kind == "html":
        return web.Response(text=HTML, content_type="text/html")
    if kind == "empty":
        return json_response(origin.empty_body(path))
    if kind == "error_200":
        return json_response(origin.error_body("busy"))
    if kind in {"429", "418"}:
        return too_many(name, int(kind), retry_after_seconds)
    if kind in {"500", "502", "503"}:
        if kind == "503" and name.startswith("binance"):
            return json_response(origin.error_body("busy"), 503)
        return web.Response(text=HTML.replace("Please wait", kind), status=int(kind), content_type="text/html")
    return json_response(origin.error_body(kind), int(kind))


def too_many(name: str, status: int, retry_after_seconds: int) -> web.Response:
    """A venue's response to too many requests: some send Retry-After, Bybit answers with HTTP 200."""
    origin = _failing_origin(name)
    if origin.too_many_status is not None:
        return json_response(origin.error_body("429"), origin.too_many_status)
    headers = {"Retry-After": str(retry_after_seconds)} if origin.sends_retry_after else {}
    return json_response(origin.error_body("429"), status, headers)


def _failing_origin(name: str) -> Origin:
    """The origin whose error bodies are used: for an archive, its venue's API."""
    return ORIGINS.get(name) or ORIGINS[{"binance-archive": "binance-spot", "okx-archive": "okx"}[name]]
