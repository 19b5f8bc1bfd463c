"""A fast replayed market, a reader in a thread, and the content of ClickHouse."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from dlt_pipelines.core.series import Series
from dlt_pipelines.live.reader import Follower, Reader
from replay.server import ReplayServer
from tests.conftest import Warehouse
from tests.ingest import settings_for

MINUTE_MS = 60_000


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for it; AssertionError if it does not happen."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


@dataclass
class Running:
    """A reader in its own thread."""

    warehouse: Warehouse
    server: ReplayServer
    series: list[Series]
    quotes: bool = True
    spool_bytes: int = 64 << 20

    def __enter__(self) -> Self:
        self.complete: bool | None = None
        self.error: BaseException | None = None
        made = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(made)), daemon=True)
        self._thread.start()
        assert made.wait(30)
        until(lambda: self.error is not None or len(self.reader.followers) == len(self.reader._places), 30, "a start")
        return self

    async def _run(self, made: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self.reader = Reader(
            settings_for(self.server, self.warehouse.settings.home),
            self.series,
            quotes=self.quotes,
            speed=self.server.clock.speed,
            longest_wait=0.5,
            spool_bytes=self.spool_bytes,
        )
        made.set()
        try:
            self.complete = await self.reader.run()
        except BaseException as error:
            self.error = error

    def follower(self, venue: str, market: str = "spot") -> Follower:
        return next(
            one
            for one in self.reader.followers
            if (one.protocol.place.venue, one.protocol.place.market) == (venue, market)
        )

    def stop(self) -> None:
        """Stop cleanly, like SIGTERM."""
        self._loop.call_soon_threadsafe(self.reader.stop)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the reader did not stop within 20 s"
        if self.error is not None:
            raise self.error

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self.stop()
