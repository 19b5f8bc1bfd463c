"""Status display of a running reader: connections, ages, rates, gaps."""

import time
from typing import Any

from rich.console import Group, JustifyMethod
from rich.table import Table
from rich.text import Text

from dlt_pipelines.core.series import Series
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
# On a terminal, which may have 80 columns.
_HEADINGS = {"connected": "conn", "oldest bar": "age", "frames/s": "frm/s", "quotes/s": "quo/s", "missing": "miss"}
# Lines around the rows of series: title, heading, note.
_FRAME_LINES = 5


class _Rates:
    """Frames per second between two samples."""

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
        "none" if age is None else f"{max(age, 0) / 1000:.1f} s",
        f"{_RATES.of(follower.name, counts.get('frames', 0)):.0f}",
        str(counts.get("closed frames", 0)),
        f"{_RATES.of(follower.name + ' quotes', counts.get('quotes', 0)):.0f}",
        str(facts["open_questions"]),
        str(facts["open_gaps"]),
        str(sum(facts["ends"].values())),
        f"{facts['spool_bytes'] / 1e6:.1f} MB",
    )


def table(reader: Reader, height: int = 24) -> Group:
    """A row a feed, and below them the series whose newest bar is oldest, as many as the height has room for."""
    found = Table(
        title=f"mdw live, up {time.monotonic() - reader.started_at:.0f} s",
        title_justify="left",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for name in _COLUMNS:
        side: JustifyMethod = "left" if name == "feed" else "right"
        found.add_column(_HEADINGS.get(name, name), justify=side, no_wrap=True)
    for follower in reader.followers:
        found.add_row(*_cells(reader, follower))
    ages = sorted(
        (
            (_age_ms(follower, series), follower.name, series.symbol)
            for follower in reader.followers
            for series in follower.series
        ),
        key=lambda one: (one[0] is not None, -(one[0] or 0), one[1:]),
    )
    room = max(height - len(reader.followers) - _FRAME_LINES, 0)
    texts = [
        f"  {'none yet' if age is None else f'{age / 1000:.0f} s':>8}  {symbol}  {feed}"
        for age, feed, symbol in ages[:room]
    ]
    if not texts:
        return Group(found)
    note = f"Age of the newest bar, oldest first: {len(texts)} of {len(ages)} series"
    return Group(found, Text(f"\n{note}"), Text("\n".join(texts), style="dim"))


def _age_ms(follower: Follower, series: Series) -> int | None:
    """From the end of the newest bar of a series until now, by the venue's clock; None before the first."""
    newest = follower.minutes.newest.get(series)
    return None if newest is None else max(follower.clock.now_ms() - newest - MINUTE_MS, 0)


def lines(reader: Reader) -> list[str]:
    """One line per feed of `name=value`, without spaces in either, for pipes and logs."""
    names = [name.replace(" ", "_") for name in _COLUMNS]
    return [
        " ".join(
            f"{name}={cell.replace(' ', '_' if name == 'feed' else '')}"
            for name, cell in zip(names, _cells(reader, one), strict=True)
        )
        for one in reader.followers
    ]
