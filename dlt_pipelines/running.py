"""A run: fetchers of every venue side by side, one loader thread, queues with an end in between."""

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dlt_pipelines.errors import Refused, Retryable, SourceTrouble, VenueClosed
from dlt_pipelines.landing import Landing
from dlt_pipelines.page import PART, WINDOW, Page
from dlt_pipelines.paging import pages_of
from dlt_pipelines.plan import Plan
from dlt_pipelines.planning import Ask
from dlt_pipelines.progress import Failure, LandingReport, Progress
from dlt_pipelines.series import Series
from dlt_pipelines.source import Source
from dlt_pipelines.venue import Budget

# Both bound the memory of a run: pages of each venue that wait, and those of the batch that is being landed.
QUEUE_PAGES = 48
BATCH_PAGES = 300
BATCH_BYTES = 16_000_000
BATCH_SECONDS = 4.0
# So many windows given up in a row mean that the venue is away.
PATIENCE = 3


async def land(plan: Plan, landing: Landing, progress: Progress, pace: float | None) -> LandingReport:
    """Fetch and land a plan. Trouble at a venue ends up in the report; trouble at ClickHouse is raised."""
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
    """One venue's part of a run."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        landing: Landing,
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
        self._source = Source(name, plan.settings, pace, self._on_fault, on_call=progress.asked)
        self._queue: asyncio.Queue[Page | None] = asyncio.Queue(QUEUE_PAGES)
        self._closed = False
        self._failed: set[Series] = set()
        self._given_up = 0

    async def go(self, asks: Sequence[Ask], fetched: Sequence[Page] = ()) -> None:
        """Fetch all asks and land their pages, after those that were fetched before."""
        waiting: dict[Budget, deque[Ask]] = defaultdict(deque)
        for ask in asks:
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
                            fetchers.create_task(self._work(line))
                await self._queue.put(None)
        finally:
            await self._source.close()

    async def _work(self, line: deque[Ask]) -> None:
        while line and not self._closed:
            ask = line.popleft()
            if ask.series not in self._failed:
                await self._fetch(ask)
            self._progress.finished(ask)

    async def _fetch(self, ask: Ask) -> None:
        try:
            records, proof = 0, WINDOW
            async for page in pages_of(self._source, ask):
                self._progress.fetched(page)
                await self._queue.put(page)
                records, proof = records + page.rows, page.proof
            self._given_up = 0
            if proof == PART:
                self._report.notices.append(
                    f"{ask.series}: {self._name} gives {records:,} records, and at least {ask.least_rows:,} are "
                    "expected. That is not the whole list: what it leaves out does not count as gone, and the next "
                    "run asks for it again."
                )
        except VenueClosed as trouble:
            self._close(trouble)
        except Refused as trouble:
            if ask.series not in self._failed:
                self._failed.add(ask.series)
                self._fail(str(ask.series), trouble, f"{ask.series}: {trouble}")
        except Retryable as trouble:
            if self._closed:
                return
            self._fail(str(ask.series), trouble, f"{ask.series}: {trouble}")
            self._given_up += 1
            if self._given_up >= PATIENCE:
                self._close(trouble)

    def _close(self, trouble: SourceTrouble) -> None:
        if not self._closed:
            self._closed = True
            self._source.shut(trouble)
            self._fail(self._name, trouble, str(trouble))

    def _fail(self, subject: str, trouble: SourceTrouble, message: str) -> None:
        self._report.faults[trouble.kind] += 1
        failure = Failure(subject, trouble.kind, message)
        self._report.failures.append(failure)
        self._progress.gave_up(failure)

    def _on_fault(self, venue: str, trouble: SourceTrouble, wait_seconds: float) -> None:
        self._report.faults[trouble.kind] += 1
        self._progress.fault(venue, trouble, wait_seconds)

    async def _land(self) -> None:
        """Batches out of the queue; a kill loses at most what is in the queue and one batch."""
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


def _workers(budget: Budget, sample: Ask, pace: float | None) -> int:
    """Enough requests under way to use the limit at a round trip of a third of a second."""
    if pace is None:
        return 16
    calls_a_second = budget.per_second * pace / sample.endpoint.weight
    return max(2, min(32, math.ceil(calls_a_second / 3)))
