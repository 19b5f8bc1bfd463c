"""A recorded series: the bars of all its files, closed ones in chunks, open ones separately."""

from bisect import bisect_right
from pathlib import Path

import numpy as np

from replay.market import Bar, Chunk
from replay.recordings.bars import READERS
from replay.recordings.catalog import BarFile

_CHUNK_ROWS = 2000
_DAY_MS = 86_400_000


class RecordedSeries:
    """Bars in memory: `closed` ascending, and the last open bars of the recordings, by open time."""

    def __init__(self, name: str, step_ms: int, closed: list[Bar], unfinished: dict[int, Bar]):
        self.name = name
        self.step_ms = step_ms
        self._closed = closed
        self._unfinished = unfinished
        starts = range(0, len(closed), _CHUNK_ROWS)
        self._chunks = [Chunk.of(closed[i : i + _CHUNK_ROWS]) for i in starts] or [Chunk.of([])]
        self._starts = [closed[i].open_time for i in starts]

    def runs(self) -> list[tuple[int, int, int]]:
        """First and last open time and number of bars of every range without a gap of a day."""
        if not self._closed:
            return []
        times = np.concatenate([chunk.open_time for chunk in self._chunks])
        ends = [*np.flatnonzero(np.diff(times) > _DAY_MS).tolist(), len(times) - 1]
        firsts = [0, *(end + 1 for end in ends[:-1])]
        return [(int(times[a]), int(times[b]), b - a + 1) for a, b in zip(firsts, ends, strict=True)]

    def number(self, time_ms: int) -> int:
        """The chunk of this time."""
        return max(bisect_right(self._starts, time_ms) - 1, 0)

    def chunk(self, number: int) -> Chunk:
        """Closed bars."""
        return self._chunks[number]

    def open_bar(self, now_ms: int) -> Bar | None:
        """The recorded bar at this time: its open state, or else its final one."""
        open_ms = now_ms // self.step_ms * self.step_ms
        if open_ms in self._unfinished:
            return self._unfinished[open_ms]
        place = bisect_right(self._closed, open_ms, key=lambda bar: bar.open_time) - 1
        return self._closed[place] if place >= 0 and self._closed[place].open_time == open_ms else None


def read_series(folder: Path, files: list[BarFile], step_ms: int) -> RecordedSeries:
    """Merge the files of one series: closed bars replace open ones, and later closed bars earlier ones."""
    closed: dict[int, Bar] = {}
    unfinished: dict[int, Bar] = {}
    for file in files:
        rows = list(READERS[file.file_format](folder / file.path))
        if file.open_last and rows:
            rows[-1] = (rows[-1][0], False)
        for bar, is_closed in rows:
            (closed if is_closed else unfinished)[bar.open_time] = bar
    for time in closed.keys() & unfinished.keys():
        del unfinished[time]
    bars = [closed[time] for time in sorted(closed)]
    return RecordedSeries(":".join(files[0].key), step_ms, bars, unfinished)
