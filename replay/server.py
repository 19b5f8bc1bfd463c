"""A replay server in its own thread."""

import asyncio
import threading
from types import TracebackType
from typing import Self

from aiohttp import web

from replay.app import Replay
from replay.archives.tricks import Trick
from replay.caps import Cap
from replay.clock import Clock
from replay.faults import Faults, FixedAnswer
from replay.journal import Journal
from replay.limits import Limits
from replay.market import Market
from replay.sockets.hub import Sockets
from replay.venues.origins import ORIGINS

_ARCHIVES = {"MDW_BINANCE_ARCHIVE_URL": "binance-archive", "MDW_OKX_ARCHIVE_URL": "okx-archive"}

_SOCKETS = {
    "MDW_BINANCE_SPOT_WS_URL": "binance-spot",
    "MDW_BINANCE_USDM_WS_URL": "binance-usdm",
    "MDW_OKX_WS_URL": "okx",
    "MDW_BYBIT_WS_URL": "bybit",
}


def environment_for(url: str) -> dict[str, str]:
    """Every `MDW_*_URL` variable, so that no client of this server sends requests to a real exchange."""
    apis = {origin.variable: name for name, origin in ORIGINS.items()}
    found = {variable: f"{url}/{name}" for variable, name in (apis | _ARCHIVES).items()}
    sockets = url.replace("http", "ws", 1)
    return found | {variable: f"{sockets}/{name}" for variable, name in _SOCKETS.items()}


class ReplayServer:
    """Serves a market on 127.0.0.1 while the context is open.

    `port` 0 picks a free one; a port in use raises OSError. The clock, and `faults` (by assignment), may be changed
    while it runs. `limits=True` enforces the venues' documented limits. `delay_seconds` is added to every response.
    `okx_funding_days` is how far OKX's funding history reaches back; None removes that limit, for older recordings.
    """

    def __init__(
        self,
        market: Market,
        *,
        clock: Clock,
        port: int = 0,
        faults: Faults | None = None,
        limits: bool | Limits = False,
        delay_seconds: float = 0.0,
        okx_funding_days: int | None = 92,
    ):
        if limits is True:
            limits = Limits()
        self._replay = Replay(market, clock, faults or Faults(), limits or None, delay_seconds, okx_funding_days)
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="replay", daemon=True)
        self.url = ""

    @property
    def market_name(self) -> str:
        """Name of the market, sent with every response as `X-Replay-Market`."""
        return self._replay.market.name

    @property
    def clock(self) -> Clock:
        """The exchanges' clock."""
        return self._replay.clock

    @property
    def journal(self) -> Journal:
        """The journal of requests."""
        return self._replay.journal

    @property
    def faults(self) -> Faults:
        """The injected faults."""
        return self._replay.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._replay.faults = faults

    @property
    def sockets(self) -> Sockets:
        """The WebSocket side: its faults, sent frames, and control."""
        return self._replay.sockets

    @property
    def fixed(self) -> tuple[FixedAnswer, ...]:
        """Responses that replace the right ones; assign another tuple to change them."""
        return self._replay.fixed

    @fixed.setter
    def fixed(self, answers: tuple[FixedAnswer, ...]) -> None:
        self._replay.fixed = answers

    @property
    def caps(self) -> tuple[Cap, ...]:
        """Which responses have fewer records than requested."""
        return self._replay.caps

    @caps.setter
    def caps(self, caps: tuple[Cap, ...]) -> None:
        self._replay.caps = caps

    @property
    def tricks(self) -> tuple[Trick, ...]:
        """The injected faults of archive files."""
        return self._replay.library.tricks.active

    @tricks.setter
    def tricks(self, tricks: tuple[Trick, ...]) -> None:
        self._replay.library.tricks.active = tricks

    @property
    def environment(self) -> dict[str, str]:
        """The `MDW_*_URL` variables that send the warehouse to this server."""
        return environment_for(self.url)

    def start(self) -> Self:
        """Serve until `stop`."""
        self._thread.start()
        try:
            self.url = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except BaseException:
            self._end_thread()
            raise
        return self

    def stop(self) -> None:
        """Close all connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._end_thread()

    async def _listen(self) -> str:
        self._runner = web.AppRunner(self._replay.application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}"

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
