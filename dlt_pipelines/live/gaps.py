"""The gap task of one venue and market: bars that are due but did not arrive are requested by REST.

A missing closed frame is normal for an illiquid series, so nothing here is an error. A REST response is used only if it
proves the bar final: by the venue's flag (OKX), by the following bar, or by ten seconds since its end. Responses are
stored as sent, in the live tables, and do not count as coverage.
"""

import asyncio
import logging
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import WebSocketProtocol
from dlt_pipelines.live.clock import MINUTE_MS, VenueClock
from dlt_pipelines.live.minutes import Minutes
from dlt_pipelines.live.rest import Rest, RestFailed, RestPage
from dlt_pipelines.live.rows import REST, SOCKET, Row, page
from dlt_pipelines.venues import VENUES

log = logging.getLogger(__name__)

AGAIN_MS = (0, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000)
"""After the first request; then the minute is left to `mdw update`."""
_FINAL_MS = 10_000
_MOST_BARS = 100
_AT_ONCE = 4
_MUTE_MINUTES = 3


@dataclass(slots=True)
class _Asked:
    since_ms: int
    attempts: int = 0
    due_ms: int = 0


@dataclass(frozen=True, slots=True)
class Hole:
    """A period without a connection: [from, to) by the venue's clock, and the affected series."""

    gap_id: str
    conn: str
    series: tuple[Series, ...]
    from_ms: int
    to_ms: int
    cause: str


@dataclass(slots=True)
class GapTask:
    """Requests what is missing. `on_mute`: called if a series has trades according to REST but its subscription is
    silent."""

    protocol: WebSocketProtocol
    minutes: Minutes
    rest: Rest
    clock: VenueClock
    put: Callable[[Row], None]
    on_mute: Callable[[Series], None]
    on_filled: Callable[[Hole, int], None]
    first_ms: int
    """No minute before this one is requested."""
    trusted_from_ms: int = 1 << 62
    """When a connection for bars was last opened: earlier minutes say nothing about a subscription."""
    counts: Counter[str] = field(default_factory=Counter)
    holes: list[Hole] = field(default_factory=list)
    _asked: dict[Series, dict[int, _Asked]] = field(default_factory=lambda: defaultdict(dict))
    _silent: Counter[Series] = field(default_factory=Counter)
    _next_ms: int = 0
    _busy: set[Series] = field(default_factory=set)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    _prudent: set[tuple[Series, int]] = field(default_factory=set)

    async def run(self) -> None:
        """Check every quarter of a second until cancelled."""
        self._next_ms = self.first_ms // MINUTE_MS * MINUTE_MS
        while True:
            self.look()
            await asyncio.sleep(min(0.25, max(0.02, self.clock.real_seconds(1_000))))

    def ask_anyway(self, series: list[Series], open_ms: int) -> None:
        """Request a minute although its bar may arrive: the first ones after a connection was opened."""
        for one in series:
            self._prudent.add((one, open_ms))

    def heard(self, series: Series) -> None:
        """A closed bar of the series has arrived by WebSocket, however late."""
        self._silent[series] = 0

    def hole(self, conn: str, series: list[Series], from_ms: int, to_ms: int, cause: str) -> Hole:
        """Record a period without a connection."""
        found = Hole(str(uuid.uuid4()), conn, tuple(series), from_ms, to_ms, cause)
        self.holes.append(found)
        return found

    def adopt(self, holes: list[Hole]) -> None:
        """Fill periods that readers recorded which did not live to do so, also before `first_ms`."""
        known, now = {one.gap_id for one in self.holes}, self.clock.now_ms()
        for hole in holes:
            if hole.gap_id in known:
                continue
            self.holes.append(hole)
            first = hole.from_ms // MINUTE_MS * MINUTE_MS
            for minute in range(first, min(self.first_ms, hole.to_ms), MINUTE_MS):
                self.minutes.begin(minute)
                for series in self.minutes.missing(minute):
                    self._asked[series].setdefault(minute, _Asked(now))
            self.first_ms = min(self.first_ms, first)

    def look(self) -> None:
        """Plan and start the requests that are due now."""
        now = self.clock.now_ms()
        while self._next_ms + MINUTE_MS + self.protocol.place.grace_ms <= now:
            minute = self._next_ms
            self._next_ms += MINUTE_MS
            self.minutes.begin(minute)
            for series in self.minutes.series:
                if (series, minute) in self._prudent:
                    self._prudent.discard((series, minute))
                    self._asked[series].setdefault(minute, _Asked(now))
                elif self.minutes.has(series, minute):
                    self._silent[series] = 0
                else:
                    self._asked[series].setdefault(minute, _Asked(now))
        for series, asked in self._asked.items():
            due = sorted(minute for minute, one in asked.items() if one.due_ms <= now)
            if due and series not in self._busy and len(self._busy) < _AT_ONCE:
                self._busy.add(series)
                window = [minute for minute in due if minute < due[0] + _MOST_BARS * MINUTE_MS]
                task = asyncio.create_task(self._ask(series, window))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self._fill(now)

    async def _ask(self, series: Series, window: list[int]) -> None:
        asked = self._asked[series]
        try:
            # One more bar, because the following one proves the last one final.
            answer = await self.rest.bars(series, window[0], window[-1] + 2 * MINUTE_MS, self.clock.now_ms())
        except RestFailed as error:
            self.counts["rest failures"] += 1
            log.info("%s: %s", series, error)
            answer = None
        finally:
            self._busy.discard(series)
        now = self.clock.now_ms()
        final = self._final(answer, now) if answer is not None else {}
        wanted = {minute: traded for minute, traded in final.items() if minute in asked}
        if answer is not None and wanted:
            self._store(series, answer, sorted(final), now)
            for minute, traded in wanted.items():
                self._judge(series, minute, traded)
                del asked[minute]
        for minute in window:
            if (one := asked.get(minute)) is not None:
                one.attempts += 1
                if one.attempts >= len(AGAIN_MS):
                    self.counts["left to update"] += 1
                    del asked[minute]
                else:
                    one.due_ms = one.since_ms + AGAIN_MS[one.attempts]

    def _final(self, answer: RestPage, now_ms: int) -> dict[int, bool]:
        newest = max((row.open_ms for row in answer.rows), default=0)
        found = {}
        for row in answer.rows:
            closed = row.open_ms + MINUTE_MS <= now_ms
            proven = row.open_ms < newest or row.open_ms + MINUTE_MS + _FINAL_MS <= now_ms
            if row.confirmed if row.confirmed is not None else (closed and proven):
                found[row.open_ms] = row.traded
        return found

    def _store(self, series: Series, answer: RestPage, final: list[int], now_ms: int) -> None:
        """The response as sent. `server_time` is limited to the last final bar, so that later rows are not read as
        closed."""
        place = self.protocol.place
        self.put(
            page(
                place.bars_table,
                series,
                VENUES[place.venue].venue_symbol(series),
                answer.endpoint,
                answer.params,
                answer.text,
                opens=final,
                status=200,
                received_us=answer.received_us,
                server_ms=min(now_ms, final[-1] + MINUTE_MS),
                rows=len(answer.rows),
            )
        )
        self.minutes.came(series, final, REST)
        self.counts["pages"] += 1

    def _judge(self, series: Series, minute: int, traded: bool) -> None:
        """A minute with trades that did not arrive by WebSocket counts against the subscription; three in a row end
        the connection."""
        if self.minutes.how(series, minute) == SOCKET:
            return
        self.counts["bars by rest"] += 1
        if not traded or minute < self.trusted_from_ms:
            return
        self.counts["traded bars by rest"] += 1
        self._silent[series] += 1
        if self._silent[series] >= _MUTE_MINUTES:
            self._silent[series] = 0
            self.on_mute(series)

    def _fill(self, now_ms: int) -> None:
        for hole in list(self.holes):
            first = hole.from_ms // MINUTE_MS * MINUTE_MS
            last = min(hole.to_ms, self._next_ms - 1) // MINUTE_MS * MINUTE_MS
            if hole.to_ms >= self._next_ms:
                continue
            opens = range(max(first, self.first_ms // MINUTE_MS * MINUTE_MS), last + 1, MINUTE_MS)
            if all(self.minutes.has(one, minute) for minute in opens for one in hole.series):
                self.holes.remove(hole)
                self.on_filled(hole, now_ms)

    def lost(self, series: Series, opens: tuple[int, ...]) -> None:
        """Bars that had arrived were dropped before they were stored: request them."""
        self.minutes.lost(series, opens)
        now = self.clock.now_ms()
        for open_ms in opens:
            self._asked[series][open_ms] = _Asked(now, due_ms=now + 1_000)

    @property
    def open_questions(self) -> int:
        """Bars that were requested and are still missing."""
        return sum(len(asked) for asked in self._asked.values())

    async def settle(self, seconds: float) -> bool:
        """Wait until no request is pending, with a timeout."""
        deadline = time.monotonic() + seconds
        while (self.open_questions or self._busy) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return not self.open_questions
