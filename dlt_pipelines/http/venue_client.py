"""The client of one venue: an HTTP client per budget, the venue's clock, and retries."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import (
    Banned,
    MalformedResponse,
    RateLimited,
    RegionBlocked,
    Retryable,
    SlowResponse,
    UnknownErrorCode,
    VenueClosed,
    VenueError,
)
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from dlt_pipelines.core.venue import Venue
from dlt_pipelines.http.backoff import Backoff
from dlt_pipelines.http.ccxt_client import CcxtClient, Gate
from dlt_pipelines.http.plain_client import PlainClient
from dlt_pipelines.http.response import Response, decode, refused_alone
from dlt_pipelines.http.shared_limits import LOOK_SECONDS, Ban, LimitShare
from dlt_pipelines.http.venue_clock import VenueClock
from dlt_pipelines.venues import VENUES
from warehouse.settings import Settings

ATTEMPTS = 8
# Unknown error codes are rarely transient, and a body that never ends costs its whole timeout.
FEW_ATTEMPTS = 3
BACKOFF_SECONDS = 0.4
OnFault = Callable[[str, VenueError, float], None]
OnCall = Callable[[str, Endpoint], None]
T = TypeVar("T")


class _Http(Protocol):
    async def get(self, endpoint: Endpoint, params: Mapping[str, str], gate: Gate) -> Response: ...
    def slow_down(self) -> None: ...
    def recover(self) -> None: ...
    def share(self, runs: int) -> None: ...
    async def close(self) -> None: ...


class VenueClient:
    """Sends requests to one venue, within its budgets, with retries where they can help."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        pace: float | None,
        on_fault: OnFault,
        attempts: int = ATTEMPTS,
        on_call: OnCall | None = None,
    ) -> None:
        self.venue: Venue = VENUES[name]
        self._attempts = attempts
        self._settings = settings
        self._pace = pace
        self._on_fault = on_fault
        self._on_call = on_call
        self._ban = Ban(settings.home, name)
        self._shares: dict[Budget, LimitShare] = {}
        self._entered: dict[Budget, asyncio.Task[None]] = {}
        self._clients: dict[Budget, _Http] = {}
        self._clocks: dict[str, VenueClock] = {}
        self._clock_of_origin: dict[str, Endpoint] = {}
        # When the clock was last requested after a refusal (time.monotonic), and whether it answered.
        self._checked = (float("-inf"), False)
        self._checking = asyncio.Lock()
        self._held_until: dict[Budget, float] = {}
        self.caps: dict[str, int] = {}
        """Observed maximum rows per page, by endpoint, where it is less than the venue documents."""
        # By budget; None is the venue as a whole.
        self._stopped: dict[Budget | None, VenueError] = {}

    def stop(self, error: VenueError, budget: Budget | None = None) -> None:
        """Send no more requests, or none of one budget: they raise this error instead."""
        self._stopped[budget] = VenueClosed(str(error))

    async def request(
        self, endpoint: Endpoint, params: Mapping[str, str], read: Callable[[Any], T]
    ) -> tuple[Response, T]:
        """The response and what `read` returns for its body; raises VenueError when all attempts have failed."""
        attempts = AsyncRetrying(
            stop=self._attempts_used_up,
            wait=Backoff(BACKOFF_SECONDS),
            retry=retry_if_exception_type(Retryable),
            before_sleep=lambda state: self._note(endpoint.budget, state),
            reraise=True,
        )
        result: tuple[Response, T] = await attempts(self._request_once, endpoint, params, read)
        return result

    def _attempts_used_up(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        few = isinstance(error, UnknownErrorCode | SlowResponse)
        return state.attempt_number >= (min(FEW_ATTEMPTS, self._attempts) if few else self._attempts)

    async def now(self, series: Series) -> int:
        """The venue's time, or our own if it has no clock; ms since 1970."""
        endpoint = self.venue.clock(series)
        if endpoint is None:
            return to_ms(self._settings.clock())
        self._clock_of_origin[endpoint.origin] = endpoint
        if endpoint.path not in self._clocks:
            self._clocks[endpoint.path] = VenueClock(self._clock_reader(endpoint))
        return await self._clocks[endpoint.path].now()

    async def close(self) -> None:
        """Close every connection; requests still in progress, such as one for the time, cannot open new ones."""
        self.stop(VenueClosed(f"the client of {self.venue.name} is closed"))
        for client in self._clients.values():
            await client.close()
        for share in self._shares.values():
            share.leave()

    def _clock_reader(self, endpoint: Endpoint) -> Callable[[], Awaitable[int]]:
        async def read() -> int:
            return (await self.request(endpoint, {}, self.venue.read_clock))[1]

        return read

    async def _request_once(
        self, endpoint: Endpoint, params: Mapping[str, str], read: Callable[[Any], T]
    ) -> tuple[Response, T]:
        client = self._client(endpoint.budget)
        await self._enter(endpoint.budget)
        await self._gate(endpoint.budget)
        if self._pace is not None:
            client.share(self._shares[endpoint.budget].runs())
        if self._on_call is not None:
            self._on_call(self.venue.name, endpoint)
        # Checked again when the rate limiter lets it pass: the venue may have been closed while it waited.
        response = await client.get(endpoint, params, partial(self._gate, endpoint.budget))
        received = time.monotonic()
        try:
            body = decode(self.venue, response)
        except RegionBlocked:
            if await self._serves_others(endpoint, received):
                raise refused_alone(self.venue.name, response) from None
            raise
        except Banned as error:
            # 403 also comes from firewalls, which may object to a single symbol; 418 and 429 are about the address.
            if response.status == 403 and await self._serves_others(endpoint, received):
                raise refused_alone(self.venue.name, response) from None
            self._ban.remember(error.until)
            self.stop(error)
            raise
        try:
            value = read(body)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            text = f"{self.venue.name} {endpoint.path} sent a response of an unknown structure: {error!r}"
            raise MalformedResponse(text) from None
        client.recover()
        return response, value

    async def _serves_others(self, endpoint: Endpoint, since: float) -> bool:
        """Whether the venue still gives us its time although it refused `endpoint`; one request for all refusals that
        came in before it."""
        clock = self._clock_of_origin.get(endpoint.origin)
        if clock is None or clock.path == endpoint.path:
            return False
        async with self._checking:
            if self._checked[0] < since:
                began = time.monotonic()
                try:
                    await self._request_once(clock, {}, self.venue.read_clock)
                except VenueError:
                    self._checked = began, False
                else:
                    self._checked = began, True
            return self._checked[1]

    async def _enter(self, budget: Budget) -> None:
        """Before the first request of a budget: respect a recorded ban, and register with the other runs."""
        if budget not in self._entered:
            self._entered[budget] = asyncio.create_task(self._enter_once(budget))
        await asyncio.shield(self._entered[budget])

    async def _enter_once(self, budget: Budget) -> None:
        until = self._ban.until()
        if until is not None:
            text = (
                f"{self.venue.name} has banned this address until about {until:%Y-%m-%dT%H:%M:%SZ}; no request is "
                f"sent before that. If you know that the ban is over, delete {self._ban.file}."
            )
            self._stopped[None] = Banned(text, until)
        elif self._pace is not None:
            share = self._shares[budget] = LimitShare(self._settings.home, self.venue.name, budget.name)
            if share.enter() > 1:
                await asyncio.sleep(1.2 * LOOK_SECONDS)

    async def _gate(self, budget: Budget) -> None:
        """While one request has to back off, the others of its budget wait too; a closed venue gets no requests."""
        while not self._reason_stopped(budget) and (left := self._held_until.get(budget, 0.0) - time.monotonic()) > 0:
            await asyncio.sleep(left)
        if closed := self._reason_stopped(budget):
            raise closed

    def _reason_stopped(self, budget: Budget) -> VenueError | None:
        return self._stopped.get(None) or self._stopped.get(budget)

    def _note(self, budget: Budget, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        waits = state.next_action.sleep if state.next_action else 0.0
        if isinstance(error, RateLimited):
            self._clients[budget].slow_down()
            held = time.monotonic() + (error.retry_after or waits)
            self._held_until[budget] = max(self._held_until.get(budget, 0.0), held)
        if isinstance(error, VenueError):
            self._on_fault(self.venue.name, error, waits)

    def _client(self, budget: Budget) -> _Http:
        if budget not in self._clients:
            addresses = self.venue.addresses(self._settings.origins)
            if self.venue.ccxt_id:
                self._clients[budget] = CcxtClient(self.venue.ccxt_id, budget, addresses, self._pace)
            else:
                self._clients[budget] = PlainClient(addresses[""], budget, self._pace)
        return self._clients[budget]
