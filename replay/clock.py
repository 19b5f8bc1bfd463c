"""The exchange's "now": fixed, or ticking from an instant."""

import time
from datetime import UTC, datetime


def millis(instant: datetime) -> int:
    """Milliseconds since the epoch; raises ValueError for a time without zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone: write {instant.isoformat()}Z for UTC")
    return round(instant.timestamp() * 1000)


def parse_instant(text: str) -> int:
    """Milliseconds of an ISO 8601 time with zone, such as 2025-01-28T18:40:00Z."""
    return millis(datetime.fromisoformat(text))


class Clock:
    """An instant in ms since the epoch that stands still until moved, or runs if `ticking`: `speed` times real time."""

    def __init__(self, now_ms: int, *, ticking: bool = False, speed: float = 1.0):
        self.speed = speed
        self.set(now_ms, ticking=ticking)

    @classmethod
    def fixed(cls, instant: str | datetime) -> "Clock":
        """A clock that stands at this instant (ISO 8601 with zone, or an aware datetime)."""
        return cls(parse_instant(instant) if isinstance(instant, str) else millis(instant))

    @classmethod
    def real(cls) -> "Clock":
        """The time of this machine, running."""
        return cls(millis(datetime.now(UTC)), ticking=True)

    def set(self, now_ms: int, *, ticking: bool | None = None) -> None:
        """Move the clock; it goes on ticking or standing unless told otherwise."""
        if ticking is not None:
            self.ticking = ticking
        self._now_ms = now_ms
        self._since = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self.set(self.now_ms() + round(seconds * 1000))

    def now_ms(self) -> int:
        """Now, in milliseconds since the epoch."""
        if not self.ticking:
            return self._now_ms
        return self._now_ms + int((time.monotonic() - self._since) * 1000 * self.speed)
