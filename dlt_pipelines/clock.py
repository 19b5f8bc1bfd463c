"""The venue's time, which alone says which bars are closed: our own clock may be wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from dlt_pipelines.timeframes import MINUTE_MS

KEEP_SECONDS = 30.0
# Just after a bar's close its last trades may not be in it yet.
SETTLE_MS = 2_000


class VenueClock:
    """The last measured time: never ahead of the venue's, at most half a minute behind."""

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self._measured: int | None = None
        self._measured_at = 0.0
        self._turn = asyncio.Lock()

    async def now(self) -> int:
        """Milliseconds since 1970; every bar that ended by then has settled."""
        async with self._turn:
            if self._measured is None or time.monotonic() - self._measured_at > KEEP_SECONDS:
                self._measured = await self._ask()
                self._measured_at = time.monotonic()
                unsettled = SETTLE_MS - self._measured % MINUTE_MS
                if unsettled > 0:
                    await asyncio.sleep(unsettled / 1000)
            return self._measured
