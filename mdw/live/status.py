"""What a person sees of a running reader: connections, ages, rates, gaps."""

import time
from typing import Any

from rich.table import Table

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


def table(reader: Reader) -> Table:
    """A feed a row, and the newest bar of each series below it."""
    found = Table(title=f"mdw live, up {time.monotonic() - reader.started_at:.0f} s", title_justify="left")
    for name in _COLUMNS:
        found.add_column(name, justify="left" if name == "feed" else "right")
    for follower in reader.followers:
        found.add_row(*_cells(reader, follower))
        now = follower.clock.now_ms()
        for series in follower.series:
            newest = follower.minutes.newest.get(series)
            age = "none yet" if newest is None else f"{max(now - newest - MINUTE_MS, 0) / 1000:.0f} s"
            found.add_row(f"  {series.symbol}", "", "", age, *[""] * (len(_COLUMNS) - 4), style="dim")
    return found


def lines(reader: Reader) -> list[str]:
    """A line a feed, for pipes and logs."""
    return [
        " ".join(f"{name.replace(' ', '_')}={cell}" for name, cell in zip(_COLUMNS, _cells(reader, one), strict=True))
        for one in reader.followers
    ]
