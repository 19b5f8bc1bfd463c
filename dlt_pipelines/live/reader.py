"""The live reader of one process: supervisors, quote books, gap tasks and the writer, put together."""

import asyncio
import contextlib
import logging
import math
import os
import socket as sockets
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
import orjson

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import (
    Kind,
    Message,
    Topic,
    WebSocketProtocol,
    base_address,
    require_known_addresses,
)
from dlt_pipelines.live import rows
from dlt_pipelines.live.clock import MINUTE_MS, VenueClock, recv_us
from dlt_pipelines.live.connection import Socket, open_session
from dlt_pipelines.live.gaps import GapTask, Hole
from dlt_pipelines.live.health import heartbeat_file
from dlt_pipelines.live.minutes import Minutes
from dlt_pipelines.live.quotes import QuoteBook
from dlt_pipelines.live.rest import Rest, RestFailed
from dlt_pipelines.live.spool import LIMIT_BYTES, Batch, Spool
from dlt_pipelines.live.supervisor import LONGEST_WAIT, Gate, Supervisor
from dlt_pipelines.live.writer import Writer
from dlt_pipelines.venues import VENUES, WEBSOCKETS
from warehouse import schema
from warehouse.errors import BadInput
from warehouse.settings import Settings

log = logging.getLogger(__name__)

STATUS_SECONDS = 60.0
ALIVE_SECONDS = 5.0
LOOK_BACK_MINUTES = 60
"""How far back a start looks if it is unknown when a reader last ran."""
_MOST_LOOK_BACK_MINUTES = 120
_CLOCK_SECONDS = 600.0
_STOP_SECONDS = 10.0
# OKX allows three new connections a second, Binance 300 in five minutes.
_CONNECT_SECONDS = 1.1
_MUTE_SECONDS, _MUTE_LONGEST = 180.0, 3600.0

OnClosed = Callable[[Series, Message, str, int, int], None]


@dataclass(slots=True)
class Follower:
    """Everything for one venue and market."""

    protocol: WebSocketProtocol
    series: list[Series]
    clock: VenueClock
    minutes: Minutes
    book: QuoteBook
    gaps: GapTask
    rest: Rest
    supervisors: list[Supervisor]
    begun_ms: int
    counts: Counter[str] = field(default_factory=Counter)
    mute: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By topic that was acknowledged and silent: connections made for it, and when the next one may be."""

    @property
    def name(self) -> str:
        """Venue and market."""
        return f"{self.protocol.place.venue} {self.protocol.place.market}"


def _check_bars(protocol: WebSocketProtocol, message: Message, text: str) -> None:
    """ValueError or KeyError for closed bars that the views could not show: such a bar has not come, REST is asked."""
    body = orjson.loads(text)
    for open_ms in message.opens:
        if rows.plausible_ms(open_ms) % MINUTE_MS:
            raise ValueError(f"{open_ms} is no minute")
        values = protocol.values(body, open_ms, rest=False)
        if not values or not all(math.isfinite(float(value)) for value in values):
            raise ValueError(f"a closed bar without a number in it: {values}")


def followed(series: Sequence[Series]) -> dict[tuple[str, str], list[Series]]:
    """The one-minute bars among these series that have a WebSocket feed, by venue and market."""
    found: dict[tuple[str, str], list[Series]] = {}
    for one in series:
        if one.dataset == "bars" and one.timeframe == "1m" and (one.venue, one.market) in WEBSOCKETS:
            found.setdefault((one.venue, one.market), []).append(one)
    return found


class Reader:
    """Runs until `stop`. `speed` is that of a replayed market; `on_closed` receives each closed frame (used by the
    probe)."""

    def __init__(
        self,
        settings: Settings,
        series: Sequence[Series],
        *,
        quotes: bool = True,
        speed: float = 1.0,
        longest_wait: float = LONGEST_WAIT,
        spool_bytes: int = LIMIT_BYTES,
        on_closed: OnClosed | None = None,
    ) -> None:
        self._places = followed(series)
        if not self._places:
            served = ", ".join(sorted({f"{venue} {market}" for venue, market in WEBSOCKETS}))
            raise BadInput(
                f"Nothing to follow: no 1m bars of a venue with a live feed are selected. Such venues are {served}; "
                "name one that the universe holds (config/universe.yml)."
            )
        require_known_addresses(WEBSOCKETS.values(), settings.origins)
        self._topics = {place: self._topics_of(WEBSOCKETS[place], one, quotes) for place, one in self._places.items()}
        self._bases = {
            place: base_address(WEBSOCKETS[place], kinds, settings.origins)
            for place, topics in self._topics.items()
            for kinds in topics
        }
        self._settings, self._speed = settings, speed
        self._longest_wait, self._on_closed = longest_wait, on_closed
        self.name = f"{sockets.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.spool = Spool(settings.home / "live" / "spool", spool_bytes)
        self.followers: list[Follower] = []
        self.started_at = time.monotonic()
        self.writer: Writer | None = None
        self._dropped_bars: dict[Series, set[int]] = {}
        """Bars to request again once ClickHouse accepts rows: before that, they would only drop others."""
        self._stopped = asyncio.Event()

    @staticmethod
    def _topics_of(protocol: WebSocketProtocol, series: list[Series], quotes: bool) -> list[list[Topic]]:
        """Those of bars and, where wanted, those of quotes: a connection has only one kind."""
        kinds = (False, True) if quotes else (False,)
        return [[Topic(protocol.topic(one, quotes=kind), one, kind) for one in series] for kind in kinds]

    def stop(self) -> None:
        """Stop cleanly: accept no new frames, write everything, close connections with 1000."""
        self._stopped.set()

    async def run(self) -> bool:
        """Run until stopped; returns whether every row was acknowledged before the end."""
        taken_over = self.spool.open()
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60)
        async with open_session(connector) as session:
            self.writer = Writer(
                self._settings.connection("ingest"),
                self.spool,
                session,
                on_stored=self._stored,
                on_dropped=self._dropped,
                ca_file=self._settings.ca_file,
            )
            writing = asyncio.create_task(self.writer.run())
            stopped = asyncio.create_task(self._stopped.wait())
            self._event("started", detail=f"{taken_over} batches of dead readers taken over" if taken_over else "")
            starting = asyncio.create_task(self._start(session))
            await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
            tasks: list[asyncio.Task[None]] = []
            if starting.done():
                if starting.exception() is not None:
                    writing.cancel()
                    self.spool.close()
                self.followers += starting.result()
                tasks = [asyncio.create_task(self._sampling()), asyncio.create_task(self._reporting())]
                tasks += [asyncio.create_task(self._asking_clocks()), asyncio.create_task(self._adopting())]
            else:
                starting.cancel()
            for follower in self.followers:
                tasks.append(asyncio.create_task(follower.gaps.run()))
                tasks += [asyncio.create_task(one.run(session)) for one in follower.supervisors]
            done, _ = await asyncio.wait([*tasks, writing, stopped], return_when=asyncio.FIRST_COMPLETED)
            # None of these ends by itself: if one did, it is defective, and a restart is better than running with half
            # of them.
            broken = [task for task in done if task is not stopped]
            complete = await self._end(tasks, writing)
            for task in broken:
                task.result()
            return complete

    async def _start(self, session: aiohttp.ClientSession) -> list[Follower]:
        """All places at once: a venue that does not answer delays no other."""
        await self._refuse_other_schema()
        return await asyncio.gather(*(self._follower(place, one, session) for place, one in self._places.items()))

    async def _refuse_other_schema(self) -> None:
        """Raise OperationFailed if ClickHouse has other migrations than this code. If it is away, rows wait for it."""
        assert self.writer is not None
        exists = await self.writer.query("EXISTS TABLE ops.schema_migrations")
        if exists == [["0"]]:
            schema.require_all(set())
        found = await self.writer.query("SELECT DISTINCT version FROM ops.schema_migrations") if exists else []
        if found:
            applied = {int(version) for (version,) in found}
            schema.require_known(applied)
            schema.require_all(applied)

    async def _end(self, tasks: "list[asyncio.Task[None]]", writing: "asyncio.Task[None]") -> bool:
        assert self.writer is not None
        for follower in self.followers:
            for supervisor in follower.supervisors:
                supervisor.stop()
        deadline = time.monotonic() + _STOP_SECONDS
        await asyncio.sleep(0.3)
        self._report_minutes()
        self._event("stopped")
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=4.0)
        complete = await self.writer.drain(max(1.0, deadline - time.monotonic()))
        self._report_minutes()
        complete = await self.writer.drain(1.0) and complete
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        self.spool.close()
        return complete

    async def _follower(self, place: tuple[str, str], series: list[Series], session: aiohttp.ClientSession) -> Follower:
        protocol, clock = WEBSOCKETS[place], VenueClock(self._speed)
        rest = Rest(protocol, self._settings.origins, session, speed=self._speed)
        minutes = Minutes(series)
        with contextlib.suppress(RestFailed):
            clock.set(await rest.clock_ms())
        first = await self._looks_back_to(place, clock.now_ms())
        unfilled = await self._unfilled(place, series, clock.now_ms())
        first = min([first, *(hole.from_ms // MINUTE_MS * MINUTE_MS for hole in unfilled)])
        assert self.writer is not None
        gaps = GapTask(
            protocol,
            minutes,
            rest,
            clock,
            self.writer.put,
            on_mute=lambda one: self._mute(follower, one),
            on_filled=self._filled,
            first_ms=first,
        )
        follower = Follower(protocol, series, clock, minutes, QuoteBook(protocol), gaps, rest, [], clock.now_ms())
        gaps.holes += unfilled
        if first < clock.now_ms():
            # Nothing shows that a reader was running until now, so the period is a gap like any other.
            self._gap(follower, series, "", first, clock.now_ms(), "start", quotes=False)
        gate = Gate(_CONNECT_SECONDS)
        for topics in self._topics[place]:
            for start in range(0, len(topics), protocol.most_topics):
                follower.supervisors.append(
                    Supervisor(
                        protocol,
                        topics[start : start + protocol.most_topics],
                        self._bases[place],
                        clock,
                        gate,
                        on_frame=lambda s, t, m, text: self._frame(follower, s, t, m, text),
                        on_event=lambda s, kind, symbol, text: self._socket_event(follower, s, kind, symbol, text),
                        on_gap=lambda up, s, begin, end: self._gap(
                            follower,
                            [topic.series for topic in up.topics],
                            s.conn,
                            begin,
                            end,
                            s.cause,
                            quotes=up.is_for_quotes,
                        ),
                        life_seconds=protocol.life_seconds,
                        longest_wait=self._longest_wait,
                    )
                )
        return follower

    async def _looks_back_to(self, place: tuple[str, str], now_ms: int) -> int:
        """The first minute that a start requests: where the last reader of this venue and market stopped, within two
        hours."""
        assert self.writer is not None
        found = await self.writer.query(
            "SELECT toUnixTimestamp64Milli(max(if(whole, minute, NULL))), "
            "toUnixTimestamp64Milli(min(if(whole, NULL, minute))) FROM ("
            "SELECT minute, max(missing = 0) AS whole FROM ops.live_minutes "
            "WHERE recorded_at > now() - INTERVAL 1 DAY AND minute > fromUnixTimestamp64Milli({earliest:Int64}) "
            "AND venue = {venue:String} AND market = {market:String} GROUP BY minute)",
            venue=place[0],
            market=place[1],
            earliest=str(now_ms - _MOST_LOOK_BACK_MINUTES * MINUTE_MS),
        )
        known = [int(cell) for cell in (found[0] if found else []) if cell.isdecimal()]
        # Also the five minutes before the last complete one, since minutes may become complete out of order.
        last = known[0] - 5 * MINUTE_MS if known else now_ms - LOOK_BACK_MINUTES * MINUTE_MS
        earliest = now_ms - _MOST_LOOK_BACK_MINUTES * MINUTE_MS
        return max(min([last, *known[1:]]), earliest) // MINUTE_MS * MINUTE_MS

    async def _unfilled(self, place: tuple[str, str], series: list[Series], now_ms: int) -> list[Hole]:
        """Gaps of the last two hours that readers recorded and did not live to fill; this one fills them."""
        assert self.writer is not None
        found = await self.writer.query(
            "SELECT toString(event_id), anyIf(conn, kind = 'gap'), anyIf(cause, kind = 'gap'), "
            "toUnixTimestamp64Milli(assumeNotNull(anyIf(window_start, kind = 'gap'))) AS began, "
            "toUnixTimestamp64Milli(assumeNotNull(anyIf(window_end, kind = 'gap'))) FROM ops.live_events "
            "WHERE at > now() - INTERVAL 1 DAY AND kind IN ('gap', 'gap_filled') AND venue = {venue:String} "
            "AND market = {market:String} GROUP BY event_id HAVING countIf(kind = 'gap' AND detail = 'bars') > 0 "
            "AND countIf(kind = 'gap_filled') = 0 AND began >= {earliest:Int64}",
            venue=place[0],
            market=place[1],
            earliest=str(now_ms - _MOST_LOOK_BACK_MINUTES * MINUTE_MS),
        )
        return [
            Hole(gap_id, conn, tuple(series), int(begin), int(end), cause) for gap_id, conn, cause, begin, end in found
        ]

    # Events of the WebSocket connections

    def _frame(self, follower: Follower, socket: Socket, topic: Topic, message: Message, text: str) -> None:
        if message.kind is Kind.QUOTE:
            follower.counts["quotes"] += 1
            follower.book.take(topic, message, text, socket.conn)
            return
        received = recv_us()
        now = follower.clock.now_ms()
        _check_bars(follower.protocol, message, text)
        # A venue that calls a bar closed before its minute is over by its own clock is not believed.
        latest = max(now, message.event_ms or 0) + 2_000
        known = follower.clock.skew_ms is not None
        opens = tuple(one for one in message.opens if one + MINUTE_MS <= latest or not known)
        if len(opens) < len(message.opens):
            follower.counts["closed too early"] += 1
        if not opens:
            return
        follower.counts["closed frames"] += 1
        place = follower.protocol.place
        params = {"conn": socket.conn, "stream": topic.name, "recv_us": received}
        assert self.writer is not None
        self.writer.put(
            rows.page(
                place.bars_table,
                topic.series,
                VENUES[place.venue].venue_symbol(topic.series),
                socket.url.partition("://")[2].partition("/")[2].partition("?")[0],
                params,
                text,
                opens=opens,
                status=101,
                received_us=received,
                server_ms=message.event_ms,
                rows=len(opens),
            )
        )
        if not follower.minutes.came(topic.series, opens, rows.SOCKET):
            after_rest = follower.minutes.how(topic.series, opens[-1]) == rows.REST
            follower.counts["closed frames after rest" if after_rest else "closed frames repeated"] += 1
        follower.gaps.heard(topic.series)
        follower.mute.pop(topic.name, None)
        if self._on_closed is not None:
            self._on_closed(topic.series, message, text, received, now)

    def _socket_event(self, follower: Follower, socket: Socket, kind: str, symbol: str, text: str) -> None:
        if kind == "connected":
            follower.book.alive.add(socket.conn)
            if not next(iter(socket.topics.values())).quotes:
                follower.gaps.trusted_from_ms = follower.clock.now_ms()
        elif kind == "disconnected":
            follower.book.alive.discard(socket.conn)
        place = follower.protocol.place
        follower.counts[kind] += 1
        log.info("%s %s %s %s", follower.name, kind, symbol or socket.conn, text or socket.cause)
        self._event(
            kind,
            venue=place.venue,
            market=place.market,
            conn=socket.conn,
            symbol=symbol,
            cause=socket.cause if kind == "disconnected" else "",
            detail=text,
        )

    def _gap(
        self, follower: Follower, series: list[Series], conn: str, begin: int, end: int, cause: str, *, quotes: bool
    ) -> None:
        """Nothing was connected in [begin, end): REST fills the bars; quotes of that period are lost."""
        place = follower.protocol.place
        gap_id = str(uuid.uuid4())
        if not quotes:
            gap_id = follower.gaps.hole(conn, series, begin, end, cause).gap_id
            # The current minute and the next one are requested in any case.
            running = end // MINUTE_MS * MINUTE_MS
            for minute in (running, running + MINUTE_MS):
                follower.gaps.ask_anyway(series, minute)
        self._event(
            "gap",
            venue=place.venue,
            market=place.market,
            conn=conn,
            start_ms=begin,
            end_ms=end,
            cause=cause,
            detail="quotes" if quotes else "bars",
            event_id=gap_id,
        )

    def _filled(self, hole: Hole, now_ms: int) -> None:
        self._event(
            "gap_filled",
            venue=hole.series[0].venue,
            market=hole.series[0].market,
            conn=hole.conn,
            start_ms=hole.from_ms,
            end_ms=hole.to_ms,
            cause=hole.cause,
            event_id=hole.gap_id,
        )

    def _mute(self, follower: Follower, series: Series) -> None:
        """REST has trades in three minutes of which the socket says nothing: told each time, and connected anew.

        That may not help, so a topic makes the next connection six minutes later, then twelve, an hour at most.
        """
        for supervisor in follower.supervisors:
            one = supervisor.current
            topic = next((t for t in supervisor.topics if t.series == series and not t.quotes), None)
            if topic is None or one is None or supervisor.is_refused(topic.name):
                continue
            quiet = time.monotonic() - max(one.heard.get(topic.name, 0.0), one.opened_at)
            if quiet * follower.clock.speed < 120.0:
                continue
            follower.counts["mute"] += 1
            place = follower.protocol.place
            detail = (
                f"{topic.name}: acknowledged and silent for {quiet * follower.clock.speed:.0f} s, and REST has trades"
            )
            self._event(
                "mute", venue=place.venue, market=place.market, conn=one.conn, symbol=series.symbol, detail=detail
            )
            times, not_before = follower.mute.get(topic.name, (0, 0.0))
            if (now := time.monotonic()) < not_before:
                continue
            wait = min(_MUTE_SECONDS * 2.0 ** (times + 1), _MUTE_LONGEST) / follower.clock.speed
            follower.mute[topic.name] = times + 1, now + wait
            recent = now - _MUTE_SECONDS / follower.clock.speed
            if any(at > recent for name, at in one.heard.items() if name != topic.name):
                # The others go on: a connection beside this one, which takes over without a gap.
                one.wants_replacement.set()
            else:
                one.end("mute", detail)

    # Events of ClickHouse and the disk

    def _of(self, series: Series) -> Follower | None:
        return next((one for one in self.followers if series in one.series), None)

    def _stored(self, stored: rows.Stored) -> None:
        if (follower := self._of(stored.series)) is not None:
            follower.minutes.stored(stored.series, stored.opens, stored.how)

    def _dropped(self, batch: Batch, why: str) -> None:
        self._event("dropped", venue=batch.venue, cause=why, detail=f"{batch.rows} rows of {batch.table}")
        for stored in batch.stored:
            self._dropped_bars.setdefault(stored.series, set()).update(stored.opens)
            if (follower := self._of(stored.series)) is not None:
                follower.minutes.lost(stored.series, stored.opens)

    def _request_dropped(self) -> None:
        if not self._dropped_bars or self.writer is None or self.writer.failing_since is not None:
            return
        dropped, self._dropped_bars = self._dropped_bars, {}
        for series, opens in dropped.items():
            if (follower := self._of(series)) is not None:
                # Older ones are left to `mdw update`, as after a start.
                earliest = follower.clock.now_ms() - _MOST_LOOK_BACK_MINUTES * MINUTE_MS
                follower.gaps.lost(series, tuple(sorted(one for one in opens if one >= earliest)))

    # What is written periodically

    async def _sampling(self) -> None:
        while True:
            await asyncio.sleep(1.0 - time.time() % 1.0)
            for follower in self.followers:
                if (row := follower.book.sample()) is not None and self.writer is not None:
                    self.writer.put(row)

    async def _reporting(self) -> None:
        last_status = touched = time.monotonic()
        alive = heartbeat_file(self._settings.home)
        while True:
            await asyncio.sleep(min(0.25, max(0.05, 1.0 / self._speed)))
            self._request_dropped()
            self._report_minutes()
            if time.monotonic() - touched >= ALIVE_SECONDS:
                touched = time.monotonic()
                alive.touch()
            if time.monotonic() - last_status >= STATUS_SECONDS:
                last_status = time.monotonic()
                for follower in self.followers:
                    place = follower.protocol.place
                    detail = orjson.dumps(self.status_of(follower)).decode()
                    self._event("status", venue=place.venue, market=place.market, detail=detail)

    def _report_minutes(self) -> None:
        for follower in self.followers:
            place, now = follower.protocol.place, follower.clock.now_ms()
            for open_ms, socket, rest, complete in follower.minutes.to_tell(
                follower.gaps.first_ms, follower.begun_ms, now
            ):
                assert self.writer is not None
                self.writer.put(
                    rows.minute(
                        self.name,
                        place.venue,
                        place.market,
                        open_ms,
                        due=len(follower.series),
                        by_socket=socket,
                        by_rest=rest,
                        complete=complete,
                    )
                )
                follower.counts["minutes complete" if complete else "minutes late"] += 1
            follower.minutes.prune(now)

    async def _asking_clocks(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_SECONDS if all(f.clock.skew_ms is not None for f in self.followers) else 5.0)
            for follower in self.followers:
                with contextlib.suppress(RestFailed):
                    follower.clock.set(await follower.rest.clock_ms())

    async def _adopting(self) -> None:
        """Gaps of a reader whose spool was taken over come to ClickHouse after the start, those of others at any time.

        A task of its own: a ClickHouse that accepts and does not answer must not hold up anything else.
        """
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            for follower in self.followers:
                key = follower.protocol.place.venue, follower.protocol.place.market
                follower.gaps.adopt(await self._unfilled(key, follower.series, follower.clock.now_ms()))

    def _event(self, kind: str, **what: object) -> None:
        if self.writer is not None:
            self.writer.put(rows.event(self.name, kind, **what))  # type: ignore[arg-type]

    def status_of(self, follower: Follower) -> dict[str, object]:
        """Counters of a venue and market, for a status event and for the terminal."""
        counts: Counter[str] = Counter(follower.counts)
        causes: Counter[str] = Counter()
        for supervisor in follower.supervisors:
            counts.update(supervisor.counts)
            causes.update(supervisor.causes)
            if supervisor.current is not None and not supervisor.current.cause:
                counts.update(supervisor.current.counts)
        now = follower.clock.now_ms()
        ages = [now - follower.minutes.newest.get(one, 0) - MINUTE_MS for one in follower.series]
        return {
            "series": len(follower.series),
            "connected": sum(1 for one in follower.supervisors if one.current is not None and one.current.ready),
            "connections": len(follower.supervisors),
            "attempts": max(one.attempts for one in follower.supervisors),
            "worst_age_ms": max(ages) if follower.minutes.newest else None,
            "open_questions": follower.gaps.open_questions,
            "open_gaps": len(follower.gaps.holes),
            "skew_ms": follower.clock.skew_ms,
            "queued": self.writer.queued if self.writer is not None else 0,
            "spool_bytes": self.spool.size(follower.protocol.place.venue),
            "spool_share": round(self.spool.size(follower.protocol.place.venue) / self.spool.limit_bytes, 4),
            "rest_calls": follower.rest.calls,
            "rest_weight": round(follower.rest.weight),
            "rest_failures": follower.rest.failures,
            "counts": dict(counts),
            "quotes": dict(follower.book.counts),
            "gap_task": dict(follower.gaps.counts),
            "ends": dict(causes),
        }
