"""A sliding-window rate limiter that network jitter cannot make exceed the venue's limit.

The venue counts a request at an unknown time between its departure and the arrival of its response. So a request
counts from its departure until one window after its response, and is sent only if everything that counts then stays
within the limit: no window of the venue, wherever it begins, can contain more. The cost is one round trip per window.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dlt_pipelines.core.endpoint import Budget

Answered = deque[tuple[float, float]]
# Requests of clients that this process has closed: planning uses one client, and the run that follows another.
_EARLIER: dict[Budget, Answered] = {}


class RateLimiter:
    """Requests of one budget."""

    def __init__(self, budget: Budget, limit: float) -> None:
        """`limit` is the weight allowed per `budget.seconds`."""
        self.limit = limit
        self._budget = budget
        self._answered: Answered = deque(_EARLIER.get(budget, ()))
        self._used = sum(weight for _, weight in self._answered)
        self._turn = asyncio.Lock()
        self._change = asyncio.Event()

    @asynccontextmanager
    async def request(self, weight: float) -> AsyncIterator[None]:
        """Wait for capacity, and count the request while the context is open and for one window after that."""
        async with self._turn:
            while self._used_now() and self._used + weight > self.limit:
                await self._wait()
            self._used += weight
        try:
            yield
        finally:
            self._answered.append((time.monotonic() + self._budget.seconds, weight))
            self._change.set()

    def close(self) -> None:
        """Hand the count over to the next client of this process."""
        _EARLIER[self._budget] = self._answered

    def _used_now(self) -> float:
        now = time.monotonic()
        while self._answered and self._answered[0][0] <= now:
            self._used -= self._answered.popleft()[1]
        return self._used

    async def _wait(self) -> None:
        self._change.clear()
        seconds = self._answered[0][0] - time.monotonic() if self._answered else 1.0
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._change.wait()
        except TimeoutError:
            return
