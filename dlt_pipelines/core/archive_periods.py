"""Months and days in an archive's calendar. Times: milliseconds since 1970, UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dlt_pipelines.core.archive import Span
from dlt_pipelines.core.time_grid import from_ms, to_ms

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def periods(span: Span, start: int, end: int, calendar_ms: int) -> Iterator[tuple[str, int, int]]:
    """Label, start and end of each month or day that overlaps [start, end), oldest first."""
    local = from_ms(start + calendar_ms)
    first = datetime(local.year, local.month, 1 if span == "monthly" else local.day, tzinfo=UTC)
    while to_ms(first) - calendar_ms < end:
        after = (first + timedelta(days=32)).replace(day=1) if span == "monthly" else first + timedelta(days=1)
        label = first.strftime("%Y-%m" if span == "monthly" else "%Y-%m-%d")
        yield label, to_ms(first) - calendar_ms, to_ms(after) - calendar_ms
        first = after


def first_monday(end: int) -> int:
    """00:00 UTC of the first Monday at or after `end`, which is a midnight."""
    return end + (7 - from_ms(end).weekday()) % 7 * DAY_MS
