"""Converts times from outside into aware times in UTC, which the code uses throughout."""

from datetime import UTC, datetime


def in_utc(moment: datetime) -> datetime:
    """A time from the user or a file, in UTC; raises ValueError if it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("a time needs a time zone, such as 2025-01-28T00:00:00Z")
    return moment.astimezone(UTC)


def aware_utc(moment: datetime) -> datetime:
    """A time from ClickHouse's driver, which omits the time zone of UTC columns."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
