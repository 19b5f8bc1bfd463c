"""The web application: all venues under their prefixes, faults and rate limits, and control endpoints."""

import asyncio
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from replay.archives.binance import BinanceArchive
from replay.archives.library import Library
from replay.archives.okx import OkxArchive
from replay.archives.tricks import Trick
from replay.caps import Cap, capped
from replay.clock import Clock, parse_instant
from replay.faults import Faults, FixedAnswer, failure
from replay.journal import Journal
from replay.limits import Limits
from replay.market import Market
from replay.sockets import binance as binance_sockets
from replay.sockets import bybit as bybit_sockets
from replay.sockets import okx as okx_sockets
from replay.sockets.faults import SocketFaults
from replay.sockets.hub import Sockets
from replay.sockets.session import SOCKETS
from replay.venues.context import Context, Refusal, json_response
from replay.venues.origins import ORIGINS, origin_of

CONTROL = "/__replay__"


@dataclass(slots=True)
class Replay:
    """The state of a server: market, clock, injected faults, and the journal of requests."""

    market: Market
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    limits: Limits | None = None
    delay_seconds: float = 0.0
    okx_funding_days: int | None = 92
    journal: Journal = field(default_factory=Journal)
    library: Library = field(default_factory=Library)
    caps: tuple[Cap, ...] = ()
    fixed: tuple[FixedAnswer, ...] = ()
    sockets: Sockets = field(init=False)

    def __post_init__(self) -> None:
        """Create the sockets, which share market, clock and journal with REST."""
        self.sockets = Sockets(self.market, self.clock, self.journal)

    def application(self) -> web.Application:
        """A new application with this state."""
        context = Context(self.market, self.clock, self.okx_funding_days)
        app = web.Application(middlewares=[self._answer])
        app[SOCKETS] = self.sockets
        for name, market in (("binance-spot", "spot"), ("binance-usdm", "perp")):
            app.add_routes(binance_sockets.routes(f"/{name}", name, market))
        app.add_routes([*okx_sockets.routes("/okx"), *bybit_sockets.routes("/bybit")])
        for name, origin in ORIGINS.items():
            app.add_routes(origin.routes(context, f"/{name}"))
        app.add_routes(BinanceArchive(context, self.library).routes("/binance-archive"))
        app.add_routes(OkxArchive(context, self.library).routes("/okx", "/okx-archive"))
        app.add_routes(
            [
                web.get(CONTROL + "/market", self._show_market),
                web.get(CONTROL + "/requests", self._show_requests),
                web.delete(CONTROL + "/requests", self._clear_requests),
                web.post(CONTROL + "/faults", self._set_faults),
                web.post(CONTROL + "/clock", self._set_clock),
                web.post(CONTROL + "/archive", self._set_tricks),
                web.get(CONTROL + "/sockets", self._show_sockets),
                web.post(CONTROL + "/sockets", self._order_sockets),
            ]
        )
        return app

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(CONTROL) or request.headers.get("Upgrade", "").lower() == "websocket":
            return await handler(request)
        self.journal.in_flight += 1
        self.journal.max_in_flight = max(self.journal.max_in_flight, self.journal.in_flight)
        try:
            response = await self._venue_answer(request, handler)
        finally:
            self.journal.in_flight -= 1
        response.headers["X-Replay-Market"] = self.market.name
        response.headers["Date"] = formatdate(self.clock.now_ms() / 1000, usegmt=True)
        return response

    async def _venue_answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self.faults.draw(request.path)
        entry = self._note(request, fault)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.limits is not None:
            refused = self.limits.refuse(request, self.journal)
            if refused is not None:
                entry["status"] = refused.status
                return refused
        fixed = next((answer for one in self.fixed if (answer := one.to(request)) is not None), None)
        if fixed is not None:
            response: web.StreamResponse = fixed
        elif fault in {None, "slow", "cut"}:
            if fault == "slow":
                await asyncio.sleep(self.faults.slow_seconds)
            response = await _handled(request, handler)
            self._cap(request, response)
            if fault == "cut" and isinstance(response, web.Response) and isinstance(response.body, bytes):
                response.body = response.body[: len(response.body) // 2]
        elif fault == "reset":
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError
        else:
            response = failure(str(fault), request.path, self.faults.retry_after_seconds)
        if self.limits is not None:
            self.limits.report(request, response)
        entry["status"] = response.status
        return response

    def _cap(self, request: web.Request, response: web.StreamResponse) -> None:
        cap = next((cap for cap in self.caps if cap.path in request.path), None)
        if cap and isinstance(response, web.Response) and response.status == 200 and isinstance(response.body, bytes):
            response.body = capped(response.body, cap, request.query)

    def _note(self, request: web.Request, fault: str | None) -> dict[str, Any]:
        self.journal.counts[request.path] += 1
        entry: dict[str, Any] = {"path": request.path, "query": dict(request.query), "fault": fault, "status": None}
        entry["at"] = time.monotonic()
        self.journal.last.append(entry)
        if fault is not None:
            self.journal.faults[fault] += 1
        return entry

    async def _show_market(self, _: web.Request) -> web.Response:
        return json_response({"market": self.market.name, "now_ms": self.clock.now_ms()})

    async def _show_requests(self, _: web.Request) -> web.Response:
        return json_response(self.journal.report())

    async def _clear_requests(self, _: web.Request) -> web.Response:
        self.journal.clear()
        return json_response(self.journal.report())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            self.faults = Faults(**wanted | ({"kinds": tuple(wanted["kinds"])} if "kinds" in wanted else {}))
        except (TypeError, ValueError) as problem:
            return json_response({"error": str(problem)}, 400)
        return json_response({"rate": self.faults.rate, "kinds": self.faults.kinds, "seed": self.faults.seed})

    async def _set_clock(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            if "now" in wanted:
                self.clock.set(parse_instant(wanted["now"]), ticking=wanted.get("ticking"))
            self.clock.advance(float(wanted.get("advance_seconds", 0)))
        except (TypeError, ValueError) as problem:
            return json_response({"error": str(problem)}, 400)
        return json_response({"now_ms": self.clock.now_ms(), "ticking": self.clock.ticking})

    async def _set_tricks(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            self.library.tricks.active = tuple(Trick(**trick) for trick in wanted["tricks"])
        except (KeyError, TypeError, ValueError) as problem:
            return json_response({"error": str(problem)}, 400)
        return json_response({"tricks": [[trick.kind, trick.path] for trick in self.library.tricks.active]})

    async def _show_sockets(self, _: web.Request) -> web.Response:
        return json_response({"counts": dict(self.sockets.counts), "open": [one.venue for one in self.sockets.open]})

    async def _order_sockets(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            if "faults" in wanted:
                self.sockets.faults = SocketFaults(**wanted["faults"])
            concerned = self.sockets.order(wanted["order"], wanted.get("venue", "")) if "order" in wanted else 0
        except (TypeError, ValueError) as problem:
            return json_response({"error": str(problem)}, 400)
        return json_response({"concerned": concerned})


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return json_response(refusal.body, refusal.status)
    except web.HTTPNotFound:
        return json_response({"error": f"{request.path} is not served for {origin_of(request.path)}"}, 404)
