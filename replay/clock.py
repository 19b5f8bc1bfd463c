"""The exchanges' clock: fixed, or running from a start time."""

import time
from datetime import UTC, datetime


def millis(instant: datetime) -> int:
    """Milliseconds since the epoch; raises ValueError for a time without zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone: write {instant.isoformat()}Z for UTC")
    return round(instant.timestamp() * 1000)


def parse_instant(text: str) -> int:
    """Milliseconds of an ISO 8601 time with time zone, such as 2025-01-28T18:40:00Z."""
    return millis(datetime.fromisoformat(text))


class Clock:
    """A clock in ms since the epoch: fixed until set, or running if `ticking`, at `speed` times real time."""

    def __init__(self, now_ms: int, *, ticking: bool = False, speed: float = 1.0):
        self.speed = speed
        self.set(now_ms, ticking=ticking)

    @classmethod
    def fixed(cls, instant: str | datetime) -> "Clock":
        """A clock fixed at this time (ISO 8601 with time zone, or an aware datetime)."""
        return cls(parse_instant(instant) if isinstance(instant, str) else millis(instant))

    @classmethod
    def real(cls) -> "Clock":
        """A running clock with this machine's time."""
        return cls(millis(datetime.now(UTC)), ticking=True)

    def set(self, now_ms: int, *, ticking: bool | None = None) -> None:
        """Set the clock; it stays running or fixed unless `ticking` says otherwise."""
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
