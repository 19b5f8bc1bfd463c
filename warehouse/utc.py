"""Times are aware and in UTC. Whoever gets one from elsewhere turns it into such a time here."""

from datetime import UTC, datetime


def in_utc(moment: datetime) -> datetime:
    """A time that a person or a file gave, in UTC; raises ValueError where it has no zone."""
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as 2025-01-28T00:00:00Z")
    return moment.astimezone(UTC)


def aware_utc(moment: datetime) -> datetime:
    """A time that ClickHouse's driver gave, which leaves out the zone of UTC columns."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
