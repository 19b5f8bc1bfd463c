"""The frames of one connection: open bars at the venue's rate, closed bars after their delay, quotes."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from replay.market import Bar, Series, bars_between
from replay.sockets.faults import NEVER, NEXT_TRADE, PUSHED
from replay.sockets.hub import Connection

MINUTE_MS = 60_000
# If the frame of a quiet minute waits for a trade, it comes this long after the start of the trade's minute
# (Binance, 2021).
_WITH_NEXT_TRADE_MS = 1_755

# Renders one message: topic, bars with their closed flags, the venue's time.
BarFrame = Callable[[str, list[tuple[Bar, bool]], int], str]
# Renders a quote: topic, price, update id, the venue's time.
QuoteFrame = Callable[[str, str, int, int], str]


@dataclass(slots=True)
class _Topic:
    series: Series
    next_minute: int
    held: list[Bar] = field(default_factory=list)


@dataclass(slots=True)
class Feed:
    """The topics of a connection, and the frames that are due."""

    connection: Connection
    bar_frame: BarFrame
    quote_frame: QuoteFrame
    bars: dict[str, _Topic] = field(default_factory=dict)
    quotes: dict[str, Series] = field(default_factory=dict)
    _due: list[tuple[int, int, str, tuple[Any, ...]]] = field(default_factory=list)
    _order: int = 0
    _open_at: int = 0
    _quoted_at: float = 0.0
    _prices: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, topic: str, series: Series, *, quotes: bool) -> None:
        """Subscribe."""
        if quotes:
            self.quotes[topic] = series
        else:
            self.bars[topic] = _Topic(series, self._now() // MINUTE_MS * MINUTE_MS)

    def remove(self, topic: str) -> None:
        """Unsubscribe."""
        self.bars.pop(topic, None)
        self.quotes.pop(topic, None)

    async def run(self) -> None:
        """Send what is due until the connection ends."""
        hub = self.connection.hub
        while not self.connection.ended:
            if not self.connection.mute:
                await self._closed_bars()
                await self._open_bars()
                await self._quotes()
            await asyncio.sleep(min(0.05, max(0.002, 0.2 / hub.clock.speed)))

    def _now(self) -> int:
        return self.connection.hub.clock.now_ms()

    async def _closed_bars(self) -> None:
        now = self._now()
        for name, topic in self.bars.items():
            while topic.next_minute + MINUTE_MS <= now:
                self._plan(name, topic, topic.next_minute)
                topic.next_minute += MINUTE_MS
        while self._due and self._due[0][0] <= now:
            _, _, name, bars = heapq.heappop(self._due)
            if name in self.bars and not self.connection.hub.is_mute(name):
                text = self.bar_frame(name, [(bar, True) for bar in bars], self._now())
                await self.connection.send(text, closed=True)

    def _plan(self, name: str, topic: _Topic, minute: int) -> None:
        faults, venue = self.connection.hub.faults, self.connection.venue
        found = bars_between(topic.series, minute, minute + MINUTE_MS)
        if not found or faults.happens("drop", name, minute):
            return
        bar, end = found[0], minute + MINUTE_MS
        due = end + faults.lateness_ms(venue, name, minute)
        if is_quiet(bar):
            rule = faults.quiet.get(venue, PUSHED)
            if rule == NEVER:
                return
            if rule == NEXT_TRADE:
                later = bars_between(topic.series, end, end + 60 * MINUTE_MS)
                due = next((one.open_time for one in later if not is_quiet(one)), end) + _WITH_NEXT_TRADE_MS
        if faults.happens("differ", name, minute):
            bar = bar._replace(close=bar.open, volume=_other(bar.volume))
        bars = [*topic.held, bar]
        topic.held = []
        if venue == "bybit" and faults.happens("two_bars", name, minute):
            topic.held = bars
            return
        self._push(due, name, *bars)
        if faults.happens("duplicate", name, minute):
            self._push(due + 300, name, bar)
        if faults.happens("old", name, minute):
            for earlier in bars_between(topic.series, minute - 5 * MINUTE_MS, minute - 4 * MINUTE_MS):
                self._push(due + 100, name, earlier)

    def _push(self, due: int, name: str, *bars: Bar) -> None:
        self._order += 1
        heapq.heappush(self._due, (due, self._order, name, bars))

    async def _open_bars(self) -> None:
        now, hub = self._now(), self.connection.hub
        if now < self._open_at:
            return
        self._open_at = now + hub.faults.open_pace_ms[self.connection.venue]
        for name, topic in list(self.bars.items()):
            bar = topic.series.open_bar(now)
            if bar is None or hub.is_mute(name) or (is_quiet(bar) and hub.faults.quiet):
                continue
            await self.connection.send(self.bar_frame(name, [(bar, False)], now))

    async def _quotes(self) -> None:
        hub = self.connection.hub
        if not self.quotes or hub.faults.quotes_per_second <= 0:
            return
        loop, rate = asyncio.get_running_loop().time(), hub.faults.quotes_per_second
        # After a pause one second's worth at most; at a high rate several at once, as this runs 20 times a second.
        self._quoted_at = max(self._quoted_at, loop - max(1.0, 1 / rate))
        due = int((loop - self._quoted_at) * rate)
        self._quoted_at += due / rate
        now = self._now()
        for _ in range(due):
            for name, series in list(self.quotes.items()):
                price = self._price(name, series, now)
                if price and not hub.is_mute(name):
                    await self.connection.send(self.quote_frame(name, price, hub.next_update(name), now))

    def _price(self, name: str, series: Series, now: int) -> str:
        """The price of the running bar, looked up once a second."""
        second, price = self._prices.get(name, (0, ""))
        if second != now // 1000:
            bar = series.open_bar(now)
            price = "" if bar is None else bar.close
            self._prices[name] = now // 1000, price
        return price


def is_quiet(bar: Bar) -> bool:
    """Whether nothing was traded in this minute."""
    return not float(bar.volume or 0)


def _other(volume: str | None) -> str:
    return "1" if not volume or not float(volume) else volume.replace(volume[0], "9" if volume[0] != "9" else "8", 1)
