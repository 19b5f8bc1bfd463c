"""What a person sees of a running reader: connections, ages, rates, gaps."""

import time
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from dlt_pipelines.live.clock import MINUTE_MS
from dlt_pipelines.live.reader import Follower, Reader

_COLUMNS = (
    "feed",
    "connected",
    "series",
    "oldest bar",
    "frames/s",
    "closed",
    "quotes/s",
    "missing",
    "gaps",
    "ends",
    "spool",
)
_DISPENSABLE = ("quotes/s", "closed", "frames/s", "ends", "series")
_GAP = "  "


class _Rates:
    """Frames a second between two looks."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, int]] = {}

    def of(self, name: str, count: int) -> float:
        now = time.monotonic()
        before, counted = self._last.get(name, (now, count))
        if now - before >= 1.0 or name not in self._last:
            self._last[name] = (now, count)
        return (count - counted) / (now - before) if now > before else 0.0


_RATES = _Rates()


def _facts(reader: Reader, follower: Follower) -> dict[str, Any]:
    return dict(reader.status_of(follower))


def _cells(reader: Reader, follower: Follower) -> tuple[str, ...]:
    facts = _facts(reader, follower)
    counts = facts["counts"]
    age = facts["worst_age_ms"]
    return (
        follower.name,
        f"{facts['connected']}/{facts['connections']}",
        str(facts["series"]),
        "none yet" if age is None else f"{max(age, 0) / 1000:.1f} s",
        f"{_RATES.of(follower.name, counts.get('frames', 0)):.0f}",
        str(counts.get("closed frames", 0)),
        f"{_RATES.of(follower.name + ' quotes', counts.get('quotes', 0)):.0f}",
        str(facts["open_questions"]),
        str(facts["open_gaps"]),
        str(sum(facts["ends"].values())),
        f"{facts['spool_bytes'] / 1e6:.1f} MB",
    )


def table(reader: Reader, width: int) -> Table:
    """A feed a row, and the newest bar of each series below it; a narrow terminal leaves out counts and rates."""
    rows: list[tuple[str, ...]] = []
    for follower in reader.followers:
        rows.append(_cells(reader, follower))
        now = follower.clock.now_ms()
        for series in follower.series:
            newest = follower.minutes.newest.get(series)
            age = "none yet" if newest is None else f"{max(now - newest - MINUTE_MS, 0) / 1000:.0f} s"
            rows.append((f"  {series.symbol}", "", "", age, *[""] * (len(_COLUMNS) - 4)))
    shown = _fitting(rows, width)
    found = Table(
        title=f"mdw live, up {time.monotonic() - reader.started_at:.0f} s",
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, len(_GAP), 0, 0),
    )
    for name in shown:
        found.add_column(name, justify="left" if name == "feed" else "right", no_wrap=True)
    for row in rows:
        cells = [Text(cell) for name, cell in zip(_COLUMNS, row, strict=True) if name in shown]
        found.add_row(*cells, style="dim" if row[0].startswith(" ") else None)
    return found


def _fitting(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The columns that fit beside each other, without those of least use where there is no room."""
    widths = {
        name: max(cell_len(name), *(cell_len(row[number]) for row in rows), 0) for number, name in enumerate(_COLUMNS)
    }
    for name in _DISPENSABLE:
        if sum(widths.values()) + len(_GAP) * (len(widths) - 1) > width:
            del widths[name]
    return [*widths]


def lines(reader: Reader) -> list[str]:
    """A line a feed, for pipes and logs."""
    return [
        " ".join(f"{name.replace(' ', '_')}={cell}" for name, cell in zip(_COLUMNS, _cells(reader, one), strict=True))
        for one in reader.followers
    ]
