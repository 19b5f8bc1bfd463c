"""REST for the gap task: the venues' own endpoints through aiohttp, within a fifth of their limits."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import orjson

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.errors import RateLimited, RegionBlocked, VenueClosed, VenueError
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import TIMEFRAMES
from dlt_pipelines.core.websocket import RestRow, WebSocketProtocol
from dlt_pipelines.live.clock import recv_us
from dlt_pipelines.venues import VENUES

log = logging.getLogger(__name__)

SHARE = 0.2
"""Share of a venue's documented limit; the rest is for `mdw update`."""
_MAX_BYTES = 4 << 20
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
_PAUSE_SECONDS = 60.0
_PAUSES = frozenset({403, 418, 429, 451})
# Also the answer of a firewall or a country rule about a single instrument.
_MAY_BE_ONE_INSTRUMENT = frozenset({403, 451})


class RestFailed(Exception):
    """The venue did not respond, or not with a page."""


@dataclass(frozen=True, slots=True)
class RestPage:
    """A successful response."""

    endpoint: str
    params: Mapping[str, str]
    text: str
    rows: list[RestRow]
    received_us: int


class Rest:
    """The REST side of one venue and market. `speed` is that of a replayed market, whose limits count its own time."""

    def __init__(
        self,
        protocol: WebSocketProtocol,
        origins: Mapping[str, str],
        session: aiohttp.ClientSession,
        *,
        speed: float = 1.0,
    ) -> None:
        self._protocol, self._origins, self._session = protocol, origins, session
        self._share = SHARE * speed
        self._venue = VENUES[protocol.place.venue]
        self._free_at = 0.0
        self._paused_until = 0.0
        self.calls = 0
        self.weight = 0.0
        self.failures = 0

    async def clock_ms(self) -> int:
        """The venue's time, halfway between request and response; raises RestFailed."""
        endpoint = self._clock()
        if endpoint is None:
            raise RestFailed("the venue has no clock")
        began = time.monotonic()
        _, body, _ = await self._get(endpoint, {})
        return int(self._venue.read_clock(body) + (time.monotonic() - began) * 500)

    async def bars(self, series: Series, start_ms: int, end_ms: int, now_ms: int) -> RestPage:
        """One page of [start, end), which must fit into one page. Raises RestFailed."""
        endpoint = self._venue.endpoint(series, start_ms, now_ms)
        rows = (end_ms - start_ms) // TIMEFRAMES[series.timeframe]
        params = self._venue.params(series, replace(endpoint, page_rows=max(int(rows), 1)), start_ms, end_ms)
        text, body, received_us = await self._get(endpoint, params)
        try:
            return RestPage(endpoint.path, params, text, self._protocol.rest_rows(body), received_us)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RestFailed(f"{endpoint.path} is no page: {error!r}") from None

    async def _get(self, endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, Any, int]:
        await self._turn(endpoint)
        base = self._origins.get(endpoint.origin, self._protocol.place.rest_address)
        try:
            async with self._session.get(
                base + endpoint.path, params=params, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                raw = bytearray()
                async for chunk in answer.content.iter_chunked(1 << 16):
                    raw += chunk
                    if len(raw) > _MAX_BYTES:
                        raise RestFailed(f"{endpoint.path} answers with more than {_MAX_BYTES} bytes")
                received_us = recv_us()
                if answer.status in _PAUSES:
                    if not (answer.status in _MAY_BE_ONE_INSTRUMENT and await self._serves_others(endpoint)):
                        self._pause(answer.headers.get("Retry-After", ""))
                    raise RestFailed(f"{endpoint.path}: HTTP {answer.status}")
            text = raw.decode()
            body = orjson.loads(text)
            self._venue.check(answer.status, body)
        except VenueError as error:
            # As in VenueClient: a ban is about the address, a country rule may be about one instrument.
            if isinstance(error, RateLimited | VenueClosed) and not (
                isinstance(error, RegionBlocked) and await self._serves_others(endpoint)
            ):
                self._pause("")
            self.failures += 1
            raise RestFailed(str(error)) from None
        except RestFailed:
            self.failures += 1
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self.failures += 1
            raise RestFailed(f"{endpoint.path}: {type(error).__name__} {error}") from None
        if answer.status != 200:
            self.failures += 1
            raise RestFailed(f"{endpoint.path}: HTTP {answer.status}")
        return text, body, received_us

    def _clock(self) -> Endpoint | None:
        return self._venue.clock(Series("bars", self._protocol.place.venue, self._protocol.place.market))

    async def _serves_others(self, refused: Endpoint) -> bool:
        """Whether the venue still gives us its time although it refused `refused`."""
        clock = self._clock()
        if clock is None or clock.path == refused.path:
            return False
        try:
            await self.clock_ms()
        except RestFailed:
            return False
        return True

    def _pause(self, retry_after: str) -> None:
        seconds = float(retry_after) if retry_after.isdecimal() else _PAUSE_SECONDS
        self._paused_until = time.monotonic() + min(max(seconds, 1.0), 600.0)

    async def _turn(self, endpoint: Endpoint) -> None:
        """Wait for our share of the limit, and for the end of a pause."""
        if time.monotonic() < self._paused_until:
            raise RestFailed("the venue asked us to wait")
        now = time.monotonic()
        # A burst of two seconds' share, then evenly spaced.
        self._free_at = max(self._free_at, now - 2.0)
        self._free_at += endpoint.weight / (endpoint.budget.per_second * self._share)
        self.calls += 1
        self.weight += endpoint.weight
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
