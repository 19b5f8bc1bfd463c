"""Cuts a window into calendar periods in UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from alphaforge_data import times

Chunk: TypeAlias = Literal["day", "week", "month", "year"]


def chunks(start: int, end: int, chunk: Chunk) -> Iterator[tuple[int, int]]:
    """[start, end) cut at days, Mondays, months or years: milliseconds since 1970."""
    while start < end:
        stop = min(end, times.milliseconds("chunk", _next(times.EPOCH + start * times.MILLISECOND, chunk)))
        yield start, stop
        start = stop


def _next(moment: datetime, chunk: Chunk) -> datetime:
    day = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if chunk == "day":
        return day + timedelta(days=1)
    if chunk == "week":
        return day + timedelta(days=7 - day.weekday())
    if chunk == "month":
        return datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    return datetime(day.year + 1, 1, 1, tzinfo=UTC)
