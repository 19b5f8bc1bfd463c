"""The venue's time: this machine's clock, corrected by the venue's."""

import time

MINUTE_MS = 60_000


class VenueClock:
    """Milliseconds since 1970 by the venue's clock. `speed` other than 1 is for a fast replayed market."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._origin = time.time()
        self._offset_ms = 0.0
        self.skew_ms: int | None = None
        """The venue's time minus ours at the last request; None before the first."""

    def _own_ms(self) -> float:
        now = time.time()
        return (self._origin + (now - self._origin) * self.speed) * 1000

    def set(self, venue_ms: int) -> None:
        """Record the venue's current time."""
        self._offset_ms = venue_ms - self._own_ms()
        self.skew_ms = round(venue_ms - time.time() * 1000)

    def now_ms(self) -> int:
        """Now."""
        return int(self._own_ms() + self._offset_ms)

    def real_seconds(self, venue_ms: float) -> float:
        """Real seconds for a duration of the venue's time."""
        return venue_ms / 1000 / self.speed


def recv_us() -> int:
    """Now by this machine's clock, microseconds since 1970: when a frame arrived."""
    return time.time_ns() // 1000
