"""The venue's time, which decides which bars are closed: our own clock may be wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from dlt_pipelines.core.time_grid import MINUTE_MS

KEEP_SECONDS = 30.0
# Just after a bar's close its last trades may not be included yet.
SETTLE_MS = 2_000


class VenueClock:
    """The venue's time from its last measurement: never ahead of the venue, at most half a minute behind."""

    def __init__(self, request: Callable[[], Awaitable[int]]) -> None:
        self._request = request
        self._measured: int | None = None
        self._measured_at = 0.0
        self._measuring: asyncio.Task[int] | None = None

    async def now(self) -> int:
        """Milliseconds since 1970; every bar that ended by then is final. Concurrent callers share one request."""
        if self._measured is not None and time.monotonic() - self._measured_at < KEEP_SECONDS:
            return self._measured
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure())
        return await asyncio.shield(self._measuring)

    async def _measure(self) -> int:
        measured = await self._request()
        measured_at = time.monotonic()
        unsettled = SETTLE_MS - measured % MINUTE_MS
        if unsettled > 0:
            await asyncio.sleep(unsettled / 1000)
        self._measured, self._measured_at = measured, measured_at
        return measured
