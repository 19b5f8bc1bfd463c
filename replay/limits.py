"""Enforces the venues' documented rate limits, by the time of this machine (not the replayed clock).

Each venue's module defines the limits that a request counts for.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from replay.faults import failure, too_many
from replay.journal import Journal
from replay.venues.context import Limit
from replay.venues.origins import ORIGINS, origin_of


@dataclass(slots=True)
class _Bucket:
    """Usage of one limit: Binance counts by clock minutes, the others in windows that begin with the first call."""

    ends: float = 0.0
    used: int = 0


@dataclass(slots=True)
class Limits:
    """Counts weights and calls, and refuses those above a limit; `scale` multiplies every limit, `now` is for tests."""

    scale: float = 1.0
    now: Callable[[], float] = time.monotonic
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _banned_until: dict[str, float] = field(default_factory=dict)

    def refuse(self, request: web.Request, journal: Journal) -> web.Response | None:
        """The refusal if this request exceeds a limit; it is counted as a violation under the limit's name."""
        origin = origin_of(request.path)
        if self.now() < self._banned_until.get(origin, 0.0):
            journal.violations[f"{origin} banned"] += 1
            return failure("403", request.path, 0)
        for name, limit, seconds, weight in _limits_of(origin, request):
            bucket = self._buckets.setdefault(name, _Bucket())
            if self.now() >= bucket.ends:
                bucket.ends, bucket.used = self.now() + seconds, 0
            bucket.used += weight
            if bucket.used > limit * self.scale:
                journal.violations[name] += 1
                return self._refusal(origin, request.path, bucket)
        return None

    def report(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add Binance's header with the weight used in this minute."""
        bucket = self._buckets.get(origin_of(request.path) + " weight")
        if bucket is not None:
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(bucket.used)

    def _refusal(self, origin: str, path: str, bucket: _Bucket) -> web.Response:
        if (ban := ORIGINS[origin].ban_seconds) > 0:
            self._banned_until[origin] = self.now() + ban
            return failure("403", path, 0)
        return too_many(origin, 429, max(int(bucket.ends - self.now()) + 1, 1))


def _limits_of(origin: str, request: web.Request) -> list[Limit]:
    """The limits of a request; archives have none."""
    return ORIGINS[origin].limits(request) if origin in ORIGINS else []
