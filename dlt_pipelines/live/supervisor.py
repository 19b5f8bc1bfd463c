"""Keeps one set of topics connected: backs off, never gives up, replaces a connection before it is ended.

A replacement is connected while the old one is still open, and takes over when it has delivered every topic that the
old one delivered in the last minute; until then both deliver, and duplicates are one row in the views.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from dlt_pipelines.core.websocket import Topic, WebSocketProtocol
from dlt_pipelines.live.clock import VenueClock
from dlt_pipelines.live.connection import OnEvent, OnFrame, Socket

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
_HEALTHY_SECONDS = 60.0
_OVERLAP_SECONDS = 150.0
REFUSED_SECONDS, _REFUSED_LONGEST = 600.0, 6 * 3600.0
"""A refused topic is asked for again after so long, then after twice as long, and so on."""
_JITTER = random.Random()  # noqa: S311 (spreads reconnects, no secret)

OnGap = Callable[["Supervisor", Socket, int, int], None]


class Gate:
    """At most one new connection per interval, over all connections of a venue."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._free_at = seconds, 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = time.monotonic()
        self._free_at = max(self._free_at + self._seconds, now)
        await asyncio.sleep(self._free_at - now)


@dataclass(slots=True)
class Supervisor:
    """One connection's topics. `on_gap(self, ended, from, to)`: nothing was connected in [from, to), venue's ms."""

    protocol: WebSocketProtocol
    topics: list[Topic]
    base: str
    clock: VenueClock
    gate: Gate
    on_frame: OnFrame
    on_event: OnEvent
    on_gap: OnGap
    life_seconds: float | None
    longest_wait: float = LONGEST_WAIT
    current: Socket | None = None
    counts: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    """Consecutive connections that lasted less than a minute."""
    stopping: bool = False
    _refused: dict[str, tuple[int, float]] = field(default_factory=dict)
    """How often a topic was refused, and when it is asked for again."""
    _failed_replacements: int = 0
    _tasks: dict[str, "asyncio.Task[str]"] = field(default_factory=dict)

    @property
    def is_for_quotes(self) -> bool:
        """All topics of a connection are of the same kind."""
        return self.topics[0].quotes

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Stay connected until `stop`."""
        gap_from: int | None = None
        ended: Socket | None = None
        while not self.stopping:
            if not self._wanted():
                await asyncio.sleep(1.0)
                continue
            await self.gate.turn()
            self.current = self._start(session)
            task = self._tasks[self.current.conn]
            await self._until_accepted(self.current, task)
            if self.current.ready:
                if gap_from is not None and ended is not None:
                    self.on_gap(self, ended, gap_from, self.clock.now_ms())
                gap_from = ended = None
            await self._live(session)
            one = self.current
            self._tell_end(one)
            if self.stopping:
                break
            if gap_from is None:
                gap_from, ended = one.last_frame_ms or self.clock.now_ms(), one
            lived = time.monotonic() - one.opened_at if one.opened_at else 0.0
            self.attempts = 0 if lived > _HEALTHY_SECONDS else self.attempts + 1
            await self._back_off(lived)

    def is_refused(self, name: str) -> bool:
        """Whether the venue refused this topic and it is not yet time to ask again."""
        return name in self._refused and self._refused[name][1] > time.monotonic()

    def _wanted(self) -> list[Topic]:
        return [topic for topic in self.topics if not self.is_refused(topic.name)]

    def _start(self, session: aiohttp.ClientSession) -> Socket:
        topics = self._wanted()
        jitter = _JITTER.uniform(0, 600) if self.life_seconds else 0.0
        socket = Socket(
            self.protocol,
            {topic.name: topic for topic in topics},
            self.base + self.protocol.path(topics),
            self.clock,
            self.on_frame,
            self._note,
            self.life_seconds and self.life_seconds - jitter,
        )
        self._tasks[socket.conn] = asyncio.create_task(socket.run(session))
        return socket

    def _note(self, socket: Socket, kind: str, symbol: str, detail: str) -> None:
        if kind == "refused":
            name = detail.partition(": ")[0]
            times = self._refused.get(name, (0, 0.0))[0] + 1
            wait = min(REFUSED_SECONDS * 2.0 ** (times - 1), _REFUSED_LONGEST)
            self._refused[name] = times, time.monotonic() + wait
        self.on_event(socket, kind, symbol, detail)

    async def _until_accepted(self, socket: Socket, task: "asyncio.Task[str]") -> None:
        while not socket.ready and not task.done():
            await asyncio.sleep(0.02)

    async def _live(self, session: aiohttp.ClientSession) -> None:
        """Run until the current connection ends; planned replacements happen here."""
        while True:
            assert self.current is not None
            one, task = self.current, self._tasks[self.current.conn]
            notice = asyncio.create_task(one.wants_replacement.wait())
            again = [at for name, (_, at) in self._refused.items() if name not in one.topics]
            await asyncio.wait(
                {task, notice},
                timeout=max(min(again) - time.monotonic(), 0.1) if again else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            notice.cancel()
            if task.done() or self.stopping:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                return
            one.wants_replacement.clear()
            await self._replace(session, one, task)

    async def _replace(self, session: aiohttp.ClientSession, old: Socket, old_task: "asyncio.Task[str]") -> None:
        """Connect beside `old` and switch over; where the new connection fails or stays silent, `old` goes on."""
        await self.gate.turn()
        new = self._start(session)
        task = self._tasks[new.conn]
        deadline = time.monotonic() + _OVERLAP_SECONDS
        while not task.done() and not self.stopping:
            if new.ready and (old_task.done() or _busy(old, new) <= new.heard.keys()):
                break
            if time.monotonic() > deadline:
                new.end("no_data", f"silent: {', '.join(sorted(_busy(old, new) - new.heard.keys()))}")
                await asyncio.wait({task}, timeout=5.0)
            await asyncio.sleep(0.1)
        if self.stopping:
            new.end("stopped")
            await asyncio.wait({task}, timeout=5.0)
        if task.done():
            self._tell_end(new)
            if not self.stopping:
                self._failed_replacements += 1
                await self._pause(self._wait_seconds(self._failed_replacements))
                old.wants_replacement.set()
            return
        self._failed_replacements = 0
        self.current = new
        if old_task.done():
            # It ended before the new one had taken over.
            self.on_gap(self, old, old.last_frame_ms or self.clock.now_ms(), self.clock.now_ms())
        else:
            old.end("planned")
            await asyncio.wait({old_task}, timeout=5.0)
        self._tell_end(old)

    def _tell_end(self, socket: Socket) -> None:
        self._tasks.pop(socket.conn, None)
        self.counts.update(socket.counts)
        self.causes[socket.cause or "ended"] += 1
        self.on_event(socket, "disconnected", "", socket.detail)

    def _wait_seconds(self, attempts: int) -> float:
        doubled: float = FIRST_WAIT * 2.0 ** min(attempts, 10)
        return min(doubled, self.longest_wait) * _JITTER.uniform(0.5, 1.0)

    async def _back_off(self, lived: float) -> None:
        if lived <= _HEALTHY_SECONDS:
            await self._pause(self._wait_seconds(self.attempts))

    async def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopping:
            await asyncio.sleep(min(0.2, max(0.0, deadline - time.monotonic())))

    def stop(self) -> None:
        """Stop: no new connections; open ones are closed with 1000."""
        self.stopping = True
        if self.current is not None:
            self.current.end("stopped")
            self.current.wants_replacement.set()


def _busy(old: Socket, new: Socket) -> set[str]:
    """Topics that the old connection has carried within a minute and the new one is to carry."""
    return {name for name, at in old.heard.items() if at > time.monotonic() - 60.0 and name in new.topics}
