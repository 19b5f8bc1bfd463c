"""Months and days of archive files, cut at UTC or at UTC+8. Times: milliseconds since 1970."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Period:
    """One month or day as in a file's name."""

    label: str
    start_ms: int
    end_ms: int

    @property
    def monthly(self) -> bool:
        """Whether it is a month."""
        return len(self.label) == 7


def parse_period(label: str, offset_ms: int = 0) -> Period | None:
    """The period `2025-01` or `2025-01-31` in a calendar that is `offset_ms` ahead of UTC; None for other text."""
    monthly = len(label) == 7
    try:
        first = datetime.strptime(label, "%Y-%m" if monthly else "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    after = (first + timedelta(days=32)).replace(day=1) if monthly else first + timedelta(days=1)
    return Period(label, _ms(first) - offset_ms, _ms(after) - offset_ms)


def first_monday(period: Period) -> int:
    """00:00 UTC of the first Monday on or after the end of the period."""
    end = datetime.fromtimestamp(period.end_ms / 1000, UTC)
    return period.end_ms + (7 - end.weekday()) % 7 * DAY_MS


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
