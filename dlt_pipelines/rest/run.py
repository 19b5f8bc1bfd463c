"""A run of the REST lane: concurrent fetchers for every venue, one loader thread, bounded queues in between."""

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import zip_longest

from dlt_pipelines.core.endpoint import Budget
from dlt_pipelines.core.errors import Refused, Retryable, VenueClosed, VenueError
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.progress import Failure, LandingReport, Progress
from dlt_pipelines.core.raw_page import PART, WINDOW, Page
from dlt_pipelines.core.series import Series
from dlt_pipelines.http.circuit_breaker import VENUE_ATTEMPTS, CircuitBreaker
from dlt_pipelines.http.venue_client import VenueClient
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.rest.page_loader import PageLoader
from dlt_pipelines.rest.paging import pages_of

# Both bound the memory of a run: queued pages per venue, and the pages of the batch that is being landed.
QUEUE_PAGES = 48
BATCH_PAGES = 300
BATCH_BYTES = 16_000_000
BATCH_SECONDS = 4.0


async def land(plan: Plan, landing: PageLoader, progress: Progress, pace: float | None) -> LandingReport:
    """Fetch and land a plan. Failures at a venue go into the report; a failure of ClickHouse is raised."""
    report = LandingReport(notices=list(plan.notices))
    started = time.monotonic()
    with ThreadPoolExecutor(1, "landing") as loader:
        async with asyncio.TaskGroup() as group:
            for name, requests in plan.by_venue().items():
                run = _VenueRun(name, plan, landing, loader, progress, report, pace)
                group.create_task(run.go(requests, [page for page in plan.probes if page.series.venue == name]))
    report.seconds = time.monotonic() - started
    return report


class _VenueRun:
    """The part of a run that belongs to one venue."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        landing: PageLoader,
        loader: ThreadPoolExecutor,
        progress: Progress,
        report: LandingReport,
        pace: float | None,
    ) -> None:
        self._name = name
        self._landing = landing
        self._loader = loader
        self._progress = progress
        self._report = report
        self._pace = pace
        self._source = VenueClient(name, plan.settings, pace, self._on_fault, on_call=progress.requested)
        self._queue: asyncio.Queue[Page | None] = asyncio.Queue(QUEUE_PAGES)
        self._closed = False
        self._failed: set[Series] = set()
        self._reported: set[Series] = set()
        self._breakers: dict[Budget, CircuitBreaker] = defaultdict(CircuitBreaker)
        self._abandoned: set[Budget] = set()

    async def go(self, requests: Sequence[PageRequest], fetched: Sequence[Page] = ()) -> None:
        """Send all requests and land their pages, after the pages that planning already fetched."""
        waiting: dict[Budget, deque[PageRequest]] = defaultdict(deque)
        for request in _interleaved(requests):
            waiting[request.endpoint.budget].append(request)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._land())
                for page in fetched:
                    self._progress.fetched(page)
                    await self._queue.put(page)
                async with asyncio.TaskGroup() as fetchers:
                    for budget, queue in waiting.items():
                        for _ in range(min(_workers(budget, queue[0], self._pace), len(queue))):
                            fetchers.create_task(self._work(budget, queue))
                await self._queue.put(None)
        finally:
            await self._source.close()

    async def _work(self, budget: Budget, queue: deque[PageRequest]) -> None:
        breaker = self._breakers[budget]
        while queue and not self._closed and budget not in self._abandoned:
            request = queue.popleft()
            if request.series not in self._failed and not breaker.series_failed(request.series):
                await self._fetch(request, breaker)
            self._progress.finished(request)

    async def _fetch(self, request: PageRequest, breaker: CircuitBreaker) -> None:
        began = time.monotonic()
        try:
            records, proof = 0, WINDOW
            async for page in pages_of(self._source, request):
                breaker.answered(request.series)
                self._progress.fetched(page)
                await self._queue.put(page)
                records, proof = records + page.rows, page.proof
            if proof == PART:
                self._report.notices.append(
                    f"{request.series}: {self._name} returned {records:,} records, but at least {request.min_rows:,} "
                    "were expected. The list is incomplete: what it leaves out does not count as delisted, and the "
                    "next run requests it again."
                )
        except VenueClosed as error:
            if request.endpoint.budget not in self._abandoned:
                self._close(error)
        except Refused as error:
            breaker.answered(request.series, ok=False)
            self._fail_series(request.series, error)
            self._failed.add(request.series)
        except Retryable as error:
            if self._closed or request.endpoint.budget in self._abandoned:
                return
            breaker.gave_up(request.series, began)
            self._fail_series(request.series, error)
            if breaker.venue_is_down:
                self._leave(request, error)

    def _fail_series(self, series: Series, error: VenueError) -> None:
        """Report a series once, however many of its windows failed."""
        if series not in self._reported:
            self._reported.add(series)
            self._fail(str(series), error, f"{series}: {error}")
        else:
            self._report.faults[error.kind] += 1

    def _leave(self, request: PageRequest, error: VenueError) -> None:
        """Requests for several instruments failed and none succeeded: leave what shares their limit to a later run."""
        self._abandoned.add(request.endpoint.budget)
        self._source.stop(error, request.endpoint.budget)
        self._fail(
            self._name,
            error,
            f"{self._name} gave no valid response for {VENUE_ATTEMPTS} instruments in a row at "
            f"{request.endpoint.path}; the other windows there are left to a later run. Last error: {error}",
        )

    def _close(self, error: VenueError) -> None:
        if not self._closed:
            self._closed = True
            self._source.stop(error)
            self._fail(self._name, error, str(error))

    def _fail(self, subject: str, error: VenueError, message: str) -> None:
        self._report.faults[error.kind] += 1
        failure = Failure(subject, error.kind, message)
        self._report.failures.append(failure)
        self._progress.gave_up(failure)

    def _on_fault(self, venue: str, error: VenueError, wait_seconds: float) -> None:
        self._report.faults[error.kind] += 1
        self._progress.fault(venue, error, wait_seconds)

    async def _land(self) -> None:
        """Land batches from the queue; if the process is killed, at most the queue and one batch are lost."""
        more = True
        while more:
            batch, more = await self._next_batch()
            if batch:
                load = partial(self._landing.load, self._name, batch)
                await asyncio.get_running_loop().run_in_executor(self._loader, load)
                self._report.add(batch)
                self._progress.landed(self._name, len(batch), sum(page.rows for page in batch))

    async def _next_batch(self) -> tuple[list[Page], bool]:
        batch: list[Page] = []
        size, until = 0, math.inf
        while len(batch) < BATCH_PAGES and size < BATCH_BYTES and (left := until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(None if math.isinf(left) else left):
                    page = await self._queue.get()
            except TimeoutError:
                break
            if page is None:
                return batch, False
            if not batch:
                until = time.monotonic() + BATCH_SECONDS
            batch.append(page)
            size += len(page.payload)
        return batch, True


def _interleaved(requests: Sequence[PageRequest]) -> list[PageRequest]:
    """Interleave the series, so that a failing series is soon distinguished from a failing venue."""
    by_series: dict[Series, list[PageRequest]] = defaultdict(list)
    for request in requests:
        by_series[request.series].append(request)
    return [request for turn in zip_longest(*by_series.values()) for request in turn if request is not None]


def _workers(budget: Budget, sample: PageRequest, pace: float | None) -> int:
    """Number of concurrent requests that uses the full limit at a round trip of a third of a second."""
    if pace is None:
        return 16
    calls_per_second = budget.per_second * pace / sample.endpoint.weight
    return max(2, min(32, math.ceil(calls_per_second / 3)))
