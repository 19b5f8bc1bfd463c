"""Cuts pages from a series whose rows are rendered once and cached.

A rendered chunk is one bytes object and the offset of every row in it, so that a page is a slice, not a thousand rows.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from replay.market import Chunk, Series, Times

Rows = Callable[[Chunk], list[str]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Rows as text: those of `open_time[i:j]` are `blob[place[i]:place[j] - 1]`, or mirrored if newest first."""

    open_time: Times
    blob: bytes
    place: Times
    newest_first: bool

    def rows(self, start: int, stop: int) -> bytes:
        """Rows start to stop (excluded, ascending numbers) in the order of the venue, joined by commas."""
        if self.newest_first:
            start, stop = len(self.open_time) - stop, len(self.open_time) - start
        return self.blob[self.place[start] : self.place[stop] - 1]


def render(chunk: Chunk, rows: Rows, newest_first: bool) -> Rendered:
    """Render a chunk of closed bars."""
    texts = rows(chunk)
    if newest_first:
        texts.reverse()
    place = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) + 1 for text in texts], out=place[1:])
    return Rendered(chunk.open_time, ",".join(texts).encode("ascii"), place, newest_first)


class PageCutter:
    """Pages of one venue's series; caches rendered chunks up to `cache_bytes`, evicting the least recently used."""

    def __init__(self, *, newest_first: bool, cache_bytes: int = 96 << 20):
        self._newest_first = newest_first
        self._free_bytes = cache_bytes
        self._kept: OrderedDict[tuple[str, int], Rendered] = OrderedDict()

    def oldest(self, series: Series, rows: Rows, start_ms: int, end_ms: int, limit: int) -> tuple[bytes, int]:
        """The first `limit` closed bars of the window, and their number."""
        if end_ms <= start_ms:
            return b"", 0
        parts: list[bytes] = []
        left = limit
        for number in range(series.number(start_ms), series.number(end_ms - 1) + 1):
            page = self._rendered(series, rows, number)
            low, high = np.searchsorted(page.open_time, [start_ms, end_ms]).tolist()
            high = min(high, low + left)
            if high > low:
                parts.append(page.rows(low, high))
                left -= high - low
            if left == 0:
                break
        return self._join(parts if not self._newest_first else parts[::-1]), limit - left

    def newest(self, series: Series, rows: Rows, start_ms: int, end_ms: int, limit: int) -> tuple[bytes, int]:
        """The last `limit` closed bars of the window, and their number."""
        if end_ms <= start_ms or limit <= 0:
            return b"", 0
        parts: list[bytes] = []
        left = limit
        for number in range(series.number(end_ms - 1), series.number(start_ms) - 1, -1):
            page = self._rendered(series, rows, number)
            low, high = np.searchsorted(page.open_time, [start_ms, end_ms]).tolist()
            low = max(low, high - left)
            if high > low:
                parts.append(page.rows(low, high))
                left -= high - low
            if left == 0:
                break
        return self._join(parts if self._newest_first else parts[::-1]), limit - left

    def _join(self, parts: list[bytes]) -> bytes:
        return parts[0] if len(parts) == 1 else b",".join(parts)

    def _rendered(self, series: Series, rows: Rows, number: int) -> Rendered:
        key = (series.name, number)
        page = self._kept.get(key)
        if page is not None:
            self._kept.move_to_end(key)
            return page
        page = render(series.chunk(number), rows, self._newest_first)
        self._kept[key] = page
        self._free_bytes -= len(page.blob)
        while self._free_bytes < 0 and len(self._kept) > 1:
            self._free_bytes += len(self._kept.popitem(last=False)[1].blob)
        return page
