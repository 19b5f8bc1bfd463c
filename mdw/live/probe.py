"""Measures what the venues' WebSocket feeds really do: the report of `mdw live --probe 30m`.

Lateness of closed frames, whether quiet minutes are pushed, repeats, frames against REST some seconds and a minute
later, and how connections end. Nothing is assumed about what did not happen: such cells say "none seen".
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import orjson

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import Message
from dlt_pipelines.live.clock import MINUTE_MS
from dlt_pipelines.live.connection import open_session
from dlt_pipelines.live.reader import Follower, Reader, followed
from dlt_pipelines.live.rest import Rest, RestFailed
from dlt_pipelines.venues import WEBSOCKETS
from warehouse.settings import Settings

# Seconds after the closed frame at which the same bar is requested by REST.
REST_AFTER = (1.0, 5.0, 60.0)
_SAMPLED = 10  # series a feed that are compared with REST


@dataclass(slots=True)
class _Feed:
    by_event: list[int] = field(default_factory=list)
    by_receive: list[int] = field(default_factory=list)
    frames: dict[tuple[Series, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    differing_repeats: int = 0
    quiet_pushed: int = 0
    quiet_seen: int = 0
    rest: dict[float, list[str]] = field(default_factory=lambda: defaultdict(list))


class Probe:
    """Follow the series for some seconds and describe what was seen. Rows land as from any reader."""

    def __init__(self, settings: Settings, series: Sequence[Series], seconds: float, speed: float = 1.0) -> None:
        self._settings, self._seconds, self._speed = settings, seconds, speed
        self._feeds: dict[tuple[str, str], _Feed] = defaultdict(_Feed)
        self._reader = Reader(settings, series, quotes=False, speed=speed, on_closed=self._closed)
        self._series = followed(series)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End early: the report is about what was seen so far."""
        self._stopped.set()

    async def run(self) -> str:
        """The report, as Markdown. Raises what the reader raises where it cannot run."""
        async with open_session() as self._session:
            reading, stopped = asyncio.create_task(self._reader.run()), asyncio.create_task(self._stopped.wait())
            began, clock = datetime.now(UTC), time.monotonic()
            await asyncio.wait({reading, stopped}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            self._seconds = time.monotonic() - clock
            if not reading.done() and self._reader.followers:
                await self._quiet_minutes()
            self._reader.stop()
            await reading
            for task in self._tasks:
                task.cancel()
        return self._report(began)

    def _closed(self, series: Series, message: Message, text: str, received_us: int, now_ms: int) -> None:
        feed = self._feeds[series.venue, series.market]
        for open_ms in message.opens:
            seen = feed.frames[series, open_ms]
            if not seen:
                feed.by_receive.append(now_ms - open_ms - MINUTE_MS)
                if message.event_ms is not None:
                    feed.by_event.append(message.event_ms - open_ms - MINUTE_MS)
                if series in self._series[series.venue, series.market][:_SAMPLED]:
                    task = asyncio.create_task(self._ask_rest(series, open_ms))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            elif text != seen[-1]:
                feed.differing_repeats += 1
            seen.append(text)

    async def _ask_rest(self, series: Series, open_ms: int) -> None:
        assert self._session is not None
        protocol = WEBSOCKETS[series.venue, series.market]
        rest = Rest(protocol, self._settings.origins, self._session)
        began = time.monotonic()
        for after in REST_AFTER:
            await asyncio.sleep(max(0.0, began + after / self._speed - time.monotonic()))
            with contextlib.suppress(RestFailed):
                page = await rest.bars(series, open_ms, open_ms + 2 * MINUTE_MS, self._now(series))
                row = next((one for one in page.rows if one.open_ms == open_ms), None)
                if row is None or row.confirmed is False:
                    outcome = "absent"
                else:
                    frame = self._feeds[series.venue, series.market].frames[series, open_ms][0]
                    from_frame = protocol.values(orjson.loads(frame), open_ms, rest=False)
                    settled = protocol.values(orjson.loads(page.text), open_ms, rest=True)
                    outcome = "equal" if from_frame == settled else "different"
                self._feeds[series.venue, series.market].rest[after].append(outcome)

    def _now(self, series: Series) -> int:
        return self._follower(series.venue, series.market).clock.now_ms()

    def _follower(self, venue: str, market: str) -> Follower:
        places = {(one.protocol.place.venue, one.protocol.place.market): one for one in self._reader.followers}
        return places[venue, market]

    async def _quiet_minutes(self) -> None:
        """Which minutes of the run had no trade according to REST, and whether a closed frame arrived for them."""
        assert self._session is not None
        for place, series in self._series.items():
            rest = Rest(WEBSOCKETS[place], self._settings.origins, self._session)
            now = self._follower(*place).clock.now_ms()
            first = now - int(self._seconds * 1000 * self._speed)
            start, end = (first // MINUTE_MS + 2) * MINUTE_MS, (now // MINUTE_MS - 1) * MINUTE_MS
            start = max(start, end - 100 * MINUTE_MS)
            if end <= start:
                continue
            for one in series:
                with contextlib.suppress(RestFailed):
                    page = await rest.bars(one, start, end, now)
                    for row in page.rows:
                        if start <= row.open_ms < end and not row.traded:
                            feed = self._feeds[place]
                            feed.quiet_seen += 1
                            feed.quiet_pushed += (one, row.open_ms) in feed.frames

    def _report(self, began: datetime) -> str:
        head = [
            "# Probe of the live feeds",
            "",
            f"Began {began:%Y-%m-%d %H:%M:%S} UTC, {self._seconds:.0f} s. Lateness in ms after the end of the minute:",
            "by the venue's event time, and when the frame arrived here, by the venue's clock as returned by REST.",
            "",
            "| " + " | ".join(_COLUMNS) + " |",
            "|" + "---|" * len(_COLUMNS),
        ]
        return "\n".join([*head, *(self._row(place) for place in sorted(self._series)), "", *_NOTES, ""])

    def _row(self, place: tuple[str, str]) -> str:
        if not self._reader.followers:
            return "| " + " | ".join([" ".join(place), *["stopped before the start"] * (len(_COLUMNS) - 1)]) + " |"
        feed, status = self._feeds[place], self._reader.status_of(self._follower(*place))
        frames = sum(len(seen) for seen in feed.frames.values())
        quiet = f"{feed.quiet_pushed} of {feed.quiet_seen}" if feed.quiet_seen else "none seen"
        ends = status["ends"]
        assert isinstance(ends, dict)
        causes = ", ".join(f"{cause} {count}" for cause, count in sorted(ends.items()) if cause != "stopped")
        cells = (
            " ".join(place),
            str(len(self._series[place])),
            str(frames),
            _quantiles(feed.by_event),
            _quantiles(feed.by_receive),
            quiet,
            f"{frames - len(feed.frames)}, {feed.differing_repeats}",
            *(_outcomes(feed.rest[after]) for after in REST_AFTER),
            causes or "none",
        )
        return "| " + " | ".join(cells) + " |"


_COLUMNS = (
    "feed",
    "series",
    "closed frames",
    "lateness by event p50 / p99",
    "on arrival p50 / p99",
    "quiet minutes pushed",
    "repeats, differing",
    "REST +1 s",
    "REST +5 s",
    "REST +60 s",
    "connections ended",
)
_NOTES = (
    "Quiet minutes: minutes of the run without a trade by REST; pushed: a closed frame arrived for them. REST: of the",
    f"first {_SAMPLED} series of a feed, the same bar that long after its closed frame: equal, different or absent.",
    "The same comparison a day later: `mdw update`, `mdw build`, then the audit `bars_live_against_rest` and",
    "`marts.dq_live_differences`.",
)


def _quantiles(values: list[int]) -> str:
    if not values:
        return "none seen"
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]} / {ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]}"


def _outcomes(outcomes: list[str]) -> str:
    if not outcomes:
        return "none seen"
    return ", ".join(f"{outcomes.count(one)} {one}" for one in ("equal", "different", "absent") if one in outcomes)
