"""All WebSocket connections of a replay server: sent frames, violated limits, and control at run time."""

import asyncio
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from aiohttp import WSCloseCode, web

from replay.clock import Clock
from replay.journal import Journal
from replay.market import Market
from replay.sockets.faults import SocketFaults

# Limits of new connections: number and seconds (Binance by address, OKX per second, Bybit 500 in 5 minutes).
_CONNECTS = {"binance-spot": (300, 300.0), "binance-usdm": (300, 300.0), "okx": (3, 1.0), "bybit": (500, 300.0)}


@dataclass(slots=True)
class Connection:
    """One open socket. `mute`: subscriptions are acknowledged, but nothing is sent."""

    hub: "Sockets"
    venue: str
    request: web.Request
    socket: web.WebSocketResponse
    number: int
    mute: bool = False
    ended: bool = False
    pongs: bool = True
    received_at: float = field(default_factory=time.monotonic)
    sent_at: float = field(default_factory=time.monotonic)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def send(self, text: str, *, closed: bool = False) -> None:
        """Send a text frame; one with closed bars is recorded byte for byte."""
        if self.ended:
            return
        try:
            await self.socket.send_str(text)
        except (ConnectionError, RuntimeError):
            self.ended = True
            return
        self.sent_at = time.monotonic()
        self.hub.counts[f"{self.venue} frames"] += 1
        if closed:
            self.hub.sent.append((self.venue, text))

    async def close(self, code: int) -> None:
        """Close with a close frame."""
        self.ended = True
        await self.socket.close(code=code)

    def abort(self, *, within_a_frame: bool) -> None:
        """End the TCP connection without a close frame, optionally in the middle of a frame."""
        self.ended = True
        transport = self.request.transport
        if transport is None:
            return
        if within_a_frame:
            transport.write(b"\x81\x7e" + struct.pack(">H", 400) + b'{"half":')
        transport.abort()


@dataclass(slots=True)
class Sockets:
    """State and control of all connections; may be controlled from another thread."""

    market: Market
    clock: Clock
    journal: Journal
    faults: SocketFaults = field(default_factory=SocketFaults)
    counts: Counter[str] = field(default_factory=Counter)
    sent: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=500_000))
    open: list[Connection] = field(default_factory=list)
    mute_topics: set[str] = field(default_factory=set)
    mute_new: bool = False
    half_open: bool = False
    refuse_status: int | None = None
    refused_topics: set[str] = field(default_factory=set)
    life_ms: int = 24 * 3_600_000
    script: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Recorded texts by venue, sent byte for byte after the subscription instead of the market's frames."""
    _connects: dict[str, deque[float]] = field(default_factory=dict)
    _updates: dict[str, int] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _loop: asyncio.AbstractEventLoop | None = None

    def record_violation(self, what: str) -> None:
        """Count a limit that a client exceeded."""
        self.journal.violations[what] += 1

    def is_mute(self, topic: str) -> bool:
        """Whether this topic is acknowledged but silent."""
        return topic in self.mute_topics

    def next_update(self, topic: str) -> int:
        """The next update id of a topic's quotes, increasing over all connections."""
        self._updates[topic] = self._updates.get(topic, 1000) + 1
        return self._updates[topic]

    def lower_update(self, topic: str, value: int = 0) -> None:
        """Lower the update ids, as after a maintenance of the venue."""
        self._updates[topic] = value

    async def accept(self, venue: str, request: web.Request) -> Connection:
        """Open a connection, or refuse it with an HTTP status."""
        self._loop = asyncio.get_running_loop()
        self.counts[f"{venue} connects"] += 1
        maximum, seconds = _CONNECTS[venue]
        times, now = self._connects.setdefault(venue, deque()), time.monotonic()
        while times and times[0] <= now - seconds:
            times.popleft()
        times.append(now)
        if len(times) > maximum:
            self.record_violation(f"{venue} ws connections")
            raise web.HTTPTooManyRequests
        if self.refuse_status is not None:
            raise {403: web.HTTPForbidden, 429: web.HTTPTooManyRequests}.get(self.refuse_status, web.HTTPForbidden)
        # Pings are sent by us, as by Binance; compression would hide what a client really receives.
        socket = web.WebSocketResponse(autoping=False, compress=False, heartbeat=None)
        await socket.prepare(request)
        connection = Connection(self, venue, request, socket, next(self._numbers), mute=self.mute_new)
        self.open.append(connection)
        if self.half_open:
            connection.pongs = False
            connection.mute = True
        return connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection that ended."""
        connection.ended = True
        if connection in self.open:
            self.open.remove(connection)

    def order(self, what: str, venue: str = "") -> int:
        """Close or disturb the open connections of a venue (default: of all); returns their number.

        `reset` (half a frame, then a TCP reset), `1006` (no close frame), `1001`, `mute`, `no_pong`.
        """
        concerned = [one for one in self.open if venue in ("", one.venue)]
        for one in concerned:
            self._in_loop(self._act, what, one)
        return len(concerned)

    def _act(self, what: str, one: Connection) -> None:
        if what == "reset":
            one.abort(within_a_frame=True)
        elif what == "1006":
            one.abort(within_a_frame=False)
        elif what == "1001":
            one.tasks.add(asyncio.get_running_loop().create_task(one.close(WSCloseCode.GOING_AWAY)))
        elif what == "mute":
            one.mute = True
        elif what == "no_pong":
            one.mute, one.pongs = True, False
        else:
            raise ValueError(f"unknown order {what!r}")

    def announce(self, venue: str, text: str, *, close_after_seconds: float | None = None) -> None:
        """Send a notice on every connection of a venue (`serverShutdown`, 64008) and optionally close them later."""
        for one in [one for one in self.open if one.venue == venue]:
            self._in_loop(_announce, one, text, close_after_seconds)

    def _in_loop(self, call: Callable[..., object], *arguments: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(call, *arguments)


def _announce(one: Connection, text: str, close_after_seconds: float | None) -> None:
    one.tasks.add(asyncio.get_running_loop().create_task(_notice(one, text, close_after_seconds)))


async def _notice(one: Connection, text: str, close_after_seconds: float | None) -> None:
    await one.send(text)
    if close_after_seconds is not None:
        await asyncio.sleep(close_after_seconds)
        await one.close(WSCloseCode.GOING_AWAY)
