"""One WebSocket connection from its handshake to its end. It waits only for the socket.

Whatever ends it, `run` returns the cause in one word; nothing is raised. A watchdog next to the receive loop checks
what the loop cannot see: silence, missing pongs and acknowledgements, age, and late frames.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

import aiohttp

from dlt_pipelines.core.websocket import Kind, Message, Topic, WebSocketProtocol
from dlt_pipelines.live.clock import VenueClock

log = logging.getLogger(__name__)

ACK_SECONDS = 5.0
PING_SECONDS = 15.0
PONG_SECONDS = 10.0
SILENCE_SECONDS = 10.0
"""A connection with more than BUSY_TOPICS topics is never silent for this long."""
BUSY_TOPICS = 20
LAG_SECONDS = 10.0
_PLANNED_SHARE = 600.0
"""A connection is replaced at least so many seconds before its venue ends it."""
_MALFORMED = (ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError)
"""What reading a frame, or acting on what it says, may raise: it costs that frame and nothing else."""

OnFrame = Callable[["Socket", Topic, Message, str], None]
OnEvent = Callable[["Socket", str, str, str], None]


def open_session(connector: aiohttp.BaseConnector | None = None) -> aiohttp.ClientSession:
    """A session for live feeds and their REST requests; it follows no redirect, not even of a WebSocket handshake."""
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(connector=connector, trust_env=True, trace_configs=[tracing])


async def _refuse_redirect(_session: object, _context: object, seen: aiohttp.TraceRequestRedirectParams) -> None:
    response = seen.response
    target = response.headers.get("Location", "")[:200]
    raise aiohttp.ClientResponseError(
        response.request_info,
        response.history,
        status=response.status,
        message=f"a redirect to {target}; redirects are not followed",
    )


@dataclass(slots=True)
class Socket:
    """State of a connection. Times are from `time.monotonic` unless stated otherwise."""

    protocol: WebSocketProtocol
    topics: dict[str, Topic]
    url: str
    clock: VenueClock
    on_frame: OnFrame
    on_event: OnEvent
    life_seconds: float | None
    conn: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    counts: Counter[str] = field(default_factory=Counter)
    heard: dict[str, float] = field(default_factory=dict)
    """When each topic last delivered data."""
    opened_at: float = 0.0
    last_frame_at: float = 0.0
    last_frame_ms: int = 0
    """By the venue's clock."""
    cause: str = ""
    detail: str = ""
    wants_replacement: asyncio.Event = field(default_factory=asyncio.Event)
    lag_ms: int | None = None
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _pending: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    _acked: set[str] = field(default_factory=set)
    _pong_due: float | None = None
    _pinged_at: float = 0.0
    _lags: list[int] = field(default_factory=list)
    _outgoing: "asyncio.Queue[tuple[str, tuple[str, ...]]]" = field(default_factory=asyncio.Queue)

    @property
    def ready(self) -> bool:
        """Whether the connection was accepted."""
        return self._socket is not None and not self.cause

    async def run(self, session: aiohttp.ClientSession) -> str:
        """Connect, subscribe and receive until the end; returns the cause of the end."""
        try:
            async with asyncio.timeout(15):
                # We send pings only if the venue does not: they detect half-open connections.
                self._socket = await session.ws_connect(
                    self.url,
                    compress=0,
                    max_msg_size=4 << 20,
                    heartbeat=None if self.protocol.ping_text else 20.0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
        except aiohttp.ClientResponseError as error:
            return self._ended(f"http_{error.status}", error.message)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return self._ended("no_connection", f"{type(error).__name__}: {error}")
        if self.cause:
            await self._socket.close()
            return self.cause
        self.opened_at = self.last_frame_at = self._pinged_at = time.monotonic()
        self.on_event(self, "connected", "", self.url.partition("?")[0])
        helpers = [asyncio.create_task(self._guarded(helper)) for helper in (self._watch, self._speak)]
        for request in self.protocol.requests(list(self.topics.values())):
            self._outgoing.put_nowait(request)
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
                elif message.type is aiohttp.WSMsgType.ERROR:
                    break
                if self.cause:
                    break
            code, broken = self._socket.close_code, self._socket.exception()
            self._ended(f"closed_{code}" if code else "reset", "" if broken is None else repr(broken))
        except (aiohttp.ClientError, ConnectionError, OSError, RuntimeError) as error:
            self._ended("reset", f"{type(error).__name__}: {error}")
        finally:
            for helper in helpers:
                helper.cancel()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(), 3.0)
        return self.cause

    async def _guarded(self, helper: Callable[[], Coroutine[None, None, None]]) -> None:
        """Without its watchdog or its requests a connection is worth nothing: an error in either ends it."""
        try:
            await helper()
        except Exception as error:
            log.exception("%s: an error beside the receive loop", self.conn)
            self.end("defect", repr(error))

    def end(self, cause: str, detail: str = "") -> None:
        """End the connection: `run` returns this cause."""
        self._ended(cause, detail)
        if self._socket is not None and not self._socket.closed:
            task = asyncio.get_running_loop().create_task(self._socket.close())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _ended(self, cause: str, detail: str = "") -> str:
        if not self.cause:
            self.cause, self.detail = cause, detail[:300]
        return self.cause

    def _hear(self, text: str) -> None:
        self.last_frame_at = now = time.monotonic()
        self.last_frame_ms = self.clock.now_ms()
        self.counts["frames"] += 1
        self.counts["bytes"] += len(text)
        try:
            self._take(self.protocol.read(text), text, now)
        except _MALFORMED as error:
            self._unreadable(text, repr(error))
        except Exception as error:
            # A defect of ours ends this connection; its supervisor reconnects, and the other feeds go on.
            log.exception("%s: an error in the receive loop", self.conn)
            self.end("defect", repr(error))

    def _take(self, message: Message, text: str, now: float) -> None:
        if message.kind in (Kind.OPEN, Kind.CLOSED, Kind.QUOTE):
            topic = self.topics.get(message.topic)
            if topic is None:
                self.counts["frames of no topic of ours"] += 1
                return
            self.heard[message.topic] = now
            self._acked.add(message.topic)
            if message.event_ms is not None and message.kind is not Kind.CLOSED:
                self._measure_lag(message.event_ms)
            if message.kind is Kind.OPEN:
                self.counts["open frames dropped"] += 1
            else:
                self.on_frame(self, topic, message, text)
        elif message.kind is Kind.ACK:
            self._acknowledged(message)
        elif message.kind is Kind.REFUSED:
            self._refused(message)
        elif message.kind is Kind.BUSY:
            self.end("busy", message.text)
        elif message.kind is Kind.PONG:
            self._pong_due = None
        elif message.kind is Kind.NOTICE:
            self.on_event(self, "notice", "", message.text)
            self.wants_replacement.set()
        elif message.kind is Kind.UNKNOWN:
            self._unreadable(text, "")

    def _unreadable(self, text: str, why: str) -> None:
        self.counts["unreadable frames"] += 1
        # Stored and counted, never fatal; the count shows if there are many.
        if self.counts["unreadable frames"] <= 5:
            self.on_event(self, "unreadable", "unknown" if not why else "malformed", f"{why} {text}".strip()[:1000])

    def _measure_lag(self, event_ms: int) -> None:
        """The smallest lag within some seconds: if a single frame is late it is the venue's fault, if all are late
        it is ours."""
        if self.clock.skew_ms is None:
            # The venue's time is not known yet, and ours alone proves nothing.
            return
        self._lags.append(self.last_frame_ms - event_ms)
        if len(self._lags) >= 50:
            self.lag_ms = min(self._lags)
            self._lags.clear()
            if self.lag_ms > LAG_SECONDS * 1000:
                self.end("lag", f"every frame is {self.lag_ms} ms old or older")

    def _acknowledged(self, message: Message) -> None:
        if message.topics:
            self._acked.update(message.topics)
        for request, (_, names) in list(self._pending.items()):
            if message.request == request:
                self._acked.update(names)
            if self._acked.issuperset(names):
                del self._pending[request]

    def _refused(self, message: Message) -> None:
        names = message.topics
        if not names:
            request = message.request if message.request in self._pending else next(iter(self._pending), "")
            names = self._pending.pop(request, (0.0, ()))[1]
        names = tuple(name for name in names if name in self.topics)
        if len(names) > 1 and self.protocol.splits(message):
            half = len(names) // 2
            for part in (names[:half], names[half:]):
                for again in self.protocol.requests([self.topics[name] for name in part]):
                    self._outgoing.put_nowait(again)
            return
        for name in names:
            topic = self.topics.pop(name)
            self.on_event(self, "refused", topic.series.symbol, f"{name}: {message.text}")
        for request, (asked, waiting) in list(self._pending.items()):
            left = tuple(name for name in waiting if name not in names)
            if left and not self._acked.issuperset(left):
                self._pending[request] = (asked, left)
            else:
                del self._pending[request]
        if not names:
            self.on_event(self, "unreadable", "error", message.text)
        if not self.topics:
            self.end("all_refused", message.text)

    async def _speak(self) -> None:
        """Send requests one after the other, at the venue's pace."""
        while True:
            text, names = await self._outgoing.get()
            key = _request_id(text, names)
            self._pending[key] = (time.monotonic(), names)
            if not await self._say(text):
                return
            await asyncio.sleep(self.protocol.request_gap_seconds)

    async def _say(self, text: str) -> bool:
        assert self._socket is not None
        try:
            await asyncio.wait_for(self._socket.send_str(text), 5.0)
        except (aiohttp.ClientError, ConnectionError, TimeoutError, RuntimeError, OSError) as error:
            self.end("reset", f"{type(error).__name__}: {error}")
            return False
        return True

    async def _watch(self) -> None:
        while not self.cause:
            await asyncio.sleep(0.25)
            now = time.monotonic()
            if self.protocol.ping_text and now - self._pinged_at >= PING_SECONDS:
                self._pinged_at = now
                self._pong_due = self._pong_due or now + PONG_SECONDS
                if not await self._say(self.protocol.ping_text):
                    return
            if cause := self._end_cause(now):
                self.end(cause)
            elif self._is_old(now):
                self.wants_replacement.set()

    def _end_cause(self, now: float) -> str:
        if self._pong_due is not None and now > self._pong_due:
            return "no_pong"
        if any(now - asked > ACK_SECONDS for asked, _ in self._pending.values()):
            return "ack_timeout"
        if len(self.topics) > BUSY_TOPICS and now - self.last_frame_at > SILENCE_SECONDS:
            return "silence"
        return ""

    def _is_old(self, now: float) -> bool:
        if self.life_seconds is None:
            return False
        return (now - self.opened_at) * self.clock.speed > self.life_seconds - _PLANNED_SHARE


def _request_id(text: str, names: Sequence[str]) -> str:
    """What the venue's reply refers to: the id of a Bybit request; at other venues replies name their topics."""
    return f"{names[0]}+{len(names)}" if '"req_id"' in text else text
