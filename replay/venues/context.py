"""Shared by the handlers of all venues."""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from replay.clock import Clock
from replay.market import Bar, Market, Series


@dataclass(frozen=True, slots=True)
class Context:
    """The market, its clock, and how far back OKX serves funding history, in days (None: all of it)."""

    market: Market
    clock: Clock
    okx_funding_days: int | None = 92


class Limit(NamedTuple):
    """A documented limit that a request counts for: maximum weight, its seconds, and the weight of the request."""

    name: str
    maximum: int
    seconds: float
    weight: int = 1


class Refusal(Exception):
    """The venue's response to a bad request."""

    def __init__(self, body: Any, status: int = 200):
        super().__init__(body)
        self.body = body
        self.status = status


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON response without spaces, as the exchanges send it."""
    text = json.dumps(body, separators=(",", ":"))
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)


def raw_json(body: bytes) -> web.Response:
    """A response from JSON bytes."""
    return web.Response(body=body, content_type="application/json", charset="utf-8")


@dataclass(slots=True)
class Window:
    """The requested open times up to now: closed bars in [start, end), and the open one if it is inside."""

    start_ms: int
    end_ms: int
    open_bar: Bar | None = field(default=None)

    @classmethod
    def until_now(cls, series: Series, start_ms: int, end_ms: int, now_ms: int) -> "Window":
        """The window [start, end) as of this time."""
        present = now_ms // series.step_ms * series.step_ms
        start_ms = max(start_ms, 0)
        bar = series.open_bar(now_ms) if start_ms <= present < end_ms else None
        return cls(start_ms, min(end_ms, present), bar)
