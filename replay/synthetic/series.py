"""Series of the synthetic market: chunks of text from the days' integers."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from replay.decimals import fixed_text, short_text
from replay.market import TIMEFRAMES, Bar, Chunk
from replay.synthetic.days import MINUTE_MS, Bars, join, roll_up, unfinished
from replay.synthetic.listings import DAY_MS, LAST_DAY, Listing

Days = Callable[[Listing, int], Bars]


class SyntheticSeries:
    """A series whose chunks are `days_a_chunk` UTC days; `days` gives the 1m bars of a day."""

    def __init__(self, listing: Listing, timeframe: str, days: Days):
        self.name = f"{listing.venue}:{listing.market}:{listing.symbol}:{timeframe}"
        self.step_ms = TIMEFRAMES[timeframe]
        self._listing = listing
        self._days = days
        self._days_a_chunk = 32 if self.step_ms > 900_000 else 1
        self._first = listing.listed_ms // DAY_MS // self._days_a_chunk
        self._last = (LAST_DAY - self._days_a_chunk) // self._days_a_chunk
        self.chunk = lru_cache(maxsize=2)(self._chunk)

    def number(self, time_ms: int) -> int:
        """The chunk of this time."""
        return min(max(time_ms // DAY_MS // self._days_a_chunk, self._first), self._last)

    def _chunk(self, number: int) -> Chunk:
        """Closed bars of the chunk's days."""
        first = number * self._days_a_chunk
        listed = self._listing.listed_ms // DAY_MS
        parts = [self._days(self._listing, d) for d in range(max(first, listed), first + self._days_a_chunk)]
        bars = parts[0] if len(parts) == 1 else join(parts)
        return self._text(bars if self.step_ms == MINUTE_MS else roll_up(bars, self.step_ms))

    def open_bar(self, now_ms: int) -> Bar | None:
        """The unfinished bar: its past minutes and a part of the current one."""
        open_ms = now_ms // self.step_ms * self.step_ms
        if now_ms < self._listing.listed_ms:
            return None
        day = self._days(self._listing, now_ms // DAY_MS)
        low, high = np.searchsorted(day.open_time, [open_ms, now_ms + 1]).tolist()
        minutes = day.take(slice(low, high))
        if not len(minutes.open_time):
            return None
        done, last = minutes.take(slice(0, -1)), minutes.take(slice(-1, None))
        share = (now_ms - int(last.open_time[0])) / MINUTE_MS
        bar = roll_up(join([done, unfinished(last, share)]), self.step_ms)
        return self._text(bar).bars(0, 1)[0]

    def _text(self, bars: Bars) -> Chunk:
        listing, prices, lots = self._listing, self._listing.price_decimals, self._listing.lot_decimals
        padded = listing.venue == "binance" and listing.market == "spot"

        def text(column: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", decimals: int) -> list[str]:
            if listing.venue == "binance":
                return fixed_text(column, decimals, 8 - decimals if padded else 0)
            return short_text(column, decimals)

        binance = listing.venue == "binance"
        unknown = [None] * len(bars.open_time)
        columns = (
            *(text(column, prices) for column in (bars.open, bars.high, bars.low, bars.close)),
            text(bars.lots, lots),
            text(bars.quote, prices + lots),
            bars.trades.tolist() if binance else unknown,
            text(bars.taker_lots, lots) if binance else unknown,
            text(bars.taker_quote, prices + lots) if binance else unknown,
            short_text(bars.lots, 2) if listing.contract_size else unknown,
        )
        return Chunk(bars.open_time, columns)
