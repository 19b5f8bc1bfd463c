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
from dlt_pipelines.core.page_request import Ask
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
            for name, asks in plan.by_venue().items():
                run = _VenueRun(name, plan, landing, loader, progress, report, pace)
                group.create_task(run.go(asks, [page for page in plan.probes if page.series.venue == name]))
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
        self._source = VenueClient(name, plan.settings, pace, self._on_fault, on_call=progress.asked)
        self._queue: asyncio.Queue[Page | None] = asyncio.Queue(QUEUE_PAGES)
        self._closed = False
        self._failed: set[Series] = set()
        self._named: set[Series] = set()
        self._patience: dict[Budget, CircuitBreaker] = defaultdict(CircuitBreaker)
        self._left: set[Budget] = set()

    async def go(self, asks: Sequence[Ask], fetched: Sequence[Page] = ()) -> None:
        """Send all requests and land their pages, after the pages that planning already fetched."""
        waiting: dict[Budget, deque[Ask]] = defaultdict(deque)
        for ask in _by_turns(asks):
            waiting[ask.endpoint.budget].append(ask)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._land())
                for page in fetched:
                    self._progress.fetched(page)
                    await self._queue.put(page)
                async with asyncio.TaskGroup() as fetchers:
                    for budget, line in waiting.items():
                        for _ in range(min(_workers(budget, line[0], self._pace), len(line))):
                            fetchers.create_task(self._work(budget, line))
                await self._queue.put(None)
        finally:
            await self._source.close()

    async def _work(self, budget: Budget, line: deque[Ask]) -> None:
        patience = self._patience[budget]
        while line and not self._closed and budget not in self._left:
            ask = line.popleft()
            if ask.series not in self._failed and not patience.lost(ask.series):
                await self._fetch(ask, patience)
            self._progress.finished(ask)

    async def _fetch(self, ask: Ask, patience: CircuitBreaker) -> None:
        began = time.monotonic()
        try:
            records, proof = 0, WINDOW
            async for page in pages_of(self._source, ask):
                patience.answered(ask.series)
                self._progress.fetched(page)
                await self._queue.put(page)
                records, proof = records + page.rows, page.proof
            if proof == PART:
                self._report.notices.append(
                    f"{ask.series}: {self._name} returned {records:,} records, but at least {ask.least_rows:,} were "
                    "expected. The list is incomplete: what it leaves out does not count as delisted, and the next "
                    "run requests it again."
                )
        except VenueClosed as trouble:
            if ask.endpoint.budget not in self._left:
                self._close(trouble)
        except Refused as trouble:
            patience.answered(ask.series, well=False)
            self._fail_series(ask.series, trouble)
            self._failed.add(ask.series)
        except Retryable as trouble:
            if self._closed or ask.endpoint.budget in self._left:
                return
            patience.gave_up(ask.series, began)
            self._fail_series(ask.series, trouble)
            if patience.venue_is_away:
                self._leave(ask, trouble)

    def _fail_series(self, series: Series, trouble: VenueError) -> None:
        """Report a series once, however many of its windows failed."""
        if series not in self._named:
            self._named.add(series)
            self._fail(str(series), trouble, f"{series}: {trouble}")
        else:
            self._report.faults[trouble.kind] += 1

    def _leave(self, ask: Ask, trouble: VenueError) -> None:
        """Requests for several instruments failed and none succeeded: leave what shares their limit to a later run."""
        self._left.add(ask.endpoint.budget)
        self._source.shut(trouble, ask.endpoint.budget)
        self._fail(
            self._name,
            trouble,
            f"{self._name} gave no valid response for {VENUE_ATTEMPTS} instruments in a row at {ask.endpoint.path}; "
            f"the other windows there are left to a later run. Last error: {trouble}",
        )

    def _close(self, trouble: VenueError) -> None:
        if not self._closed:
            self._closed = True
            self._source.shut(trouble)
            self._fail(self._name, trouble, str(trouble))

    def _fail(self, subject: str, trouble: VenueError, message: str) -> None:
        self._report.faults[trouble.kind] += 1
        failure = Failure(subject, trouble.kind, message)
        self._report.failures.append(failure)
        self._progress.gave_up(failure)

    def _on_fault(self, venue: str, trouble: VenueError, wait_seconds: float) -> None:
        self._report.faults[trouble.kind] += 1
        self._progress.fault(venue, trouble, wait_seconds)

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


def _by_turns(asks: Sequence[Ask]) -> list[Ask]:
    """Interleave the series, so that a failing series is soon told from a failing venue."""
    by_series: dict[Series, list[Ask]] = defaultdict(list)
    for ask in asks:
        by_series[ask.series].append(ask)
    return [ask for turn in zip_longest(*by_series.values()) for ask in turn if ask is not None]


def _workers(budget: Budget, sample: Ask, pace: float | None) -> int:
    """Number of concurrent requests that uses the full limit at a round trip of a third of a second."""
    if pace is None:
        return 16
    calls_a_second = budget.per_second * pace / sample.endpoint.weight
    return max(2, min(32, math.ceil(calls_a_second / 3)))
