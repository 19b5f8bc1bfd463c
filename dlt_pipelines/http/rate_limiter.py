"""A limit of so much weight in so many seconds that no jitter on the way can break.

The venue counts a request at an unknown instant between its departure and the arrival of its answer. So a request
counts from when it leaves until one window after its answer, and leaves only while everything counted is within the
limit: then no window of the venue, wherever it begins, can hold more. The price is one round trip a window.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dlt_pipelines.core.endpoint import Budget

Answered = deque[tuple[float, float]]
# What clients of this process sent that are closed: a run follows its planning at once.
_BEFORE: dict[Budget, Answered] = {}


class RateLimiter:
    """Requests of one budget."""

    def __init__(self, budget: Budget, limit: float) -> None:
        """`limit` is the weight allowed in each `budget.seconds`."""
        self.limit = limit
        self._budget = budget
        self._answered: Answered = deque(_BEFORE.get(budget, ()))
        self._used = sum(weight for _, weight in self._answered)
        self._turn = asyncio.Lock()
        self._change = asyncio.Event()

    @asynccontextmanager
    async def request(self, weight: float) -> AsyncIterator[None]:
        """Wait for room, and count the request while the context is open and one window longer."""
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
        """Leave the count to the next client of this process."""
        _BEFORE[self._budget] = self._answered

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
