"""Journal of requests: counts by path and the last requests, for tests that count calls."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Journal:
    """Counts since the start or the last `clear`, and the last 2,000 requests."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    last: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=2000))
    in_flight: int = 0
    max_in_flight: int = 0

    def clear(self) -> None:
        """Forget everything except requests in progress."""
        for counter in (self.counts, self.faults, self.violations):
            counter.clear()
        self.last.clear()
        self.max_in_flight = self.in_flight

    def report(self) -> dict[str, Any]:
        """As JSON: total, counts, faults and violations by name, the last requests, oldest first."""
        return {
            "total": self.counts.total(),
            "counts": dict(self.counts),
            "faults": dict(self.faults),
            "violations": dict(self.violations),
            "most_in_flight": self.max_in_flight,
            "last": list(self.last),
        }
