"""A run of the archive lane: fetches files of all venues concurrently, checks them and lands them as they arrive.

What cannot be landed becomes windows for REST, with a notice; in lane `auto` the run then requests them from REST.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from clickhouse_connect.driver.client import Client

from dlt_pipelines.archive.download import Downloader
from dlt_pipelines.archive.file_loader import CheckedFile, check, insert, open_client
from dlt_pipelines.core.archive import ArchiveFile, FileListing
from dlt_pipelines.core.errors import (
    FileRefused,
    MissingFile,
    Refused,
    Retryable,
    VenueClosed,
    VenueError,
)
from dlt_pipelines.core.intervals import Windows
from dlt_pipelines.core.progress import Failure, LandingReport, Progress
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import from_ms, to_ms
from dlt_pipelines.http.circuit_breaker import CircuitBreaker
from dlt_pipelines.http.venue_client import VenueClient
from dlt_pipelines.planning.lane_choice import max_rows, rest_reach
from dlt_pipelines.venues import ARCHIVES
from warehouse.settings import Settings

FILES_AT_ONCE = 4
# Batches in progress, so that some are fetched and checked while others are inserted.
BATCHES_AT_ONCE = 4
WORKERS = 4
# Size of one insert: four monthly files of 1m bars, or the daily files of a month.
BATCH_ROWS = 180_000
BATCH_FILES = 32


@dataclass
class Outcome:
    """What landed, the windows to request from REST instead, and what the landed files lack."""

    report: LandingReport = field(default_factory=LandingReport)
    for_rest: list[tuple[Series, int, int]] = field(default_factory=list)
    short: list[tuple[ArchiveFile, Windows]] = field(default_factory=list)


async def land_files(
    settings: Settings, files: Sequence[ArchiveFile], progress: Progress, pace: float | None, fall_back: bool
) -> Outcome:
    """Fetch, check and land files. A file that fails is recorded in the outcome; a failure of ClickHouse is raised."""
    outcome = Outcome()
    started = time.monotonic()
    with ThreadPoolExecutor(WORKERS, "archive") as workers:
        async with asyncio.TaskGroup() as group:
            for venue in {file.series.venue for file in files}:
                run = _VenueFiles(settings, venue, workers, progress, outcome, fall_back, pace)
                group.create_task(run.go([file for file in files if file.series.venue == venue]))
    outcome.report.seconds = time.monotonic() - started
    return outcome


def batches(files: Sequence[ArchiveFile]) -> Iterator[list[ArchiveFile]]:
    """Group consecutive files of one table into inserts of about BATCH_ROWS."""
    batch: list[ArchiveFile] = []
    rows = 0
    for file in files:
        full = rows + max_rows(file) > BATCH_ROWS or len(batch) == BATCH_FILES
        if batch and (full or file.table != batch[0].table):
            yield batch
            batch, rows = [], 0
        batch.append(file)
        rows += max_rows(file)
    if batch:
        yield batch


class _VenueFiles:
    """Lands the files of one venue."""

    def __init__(
        self,
        settings: Settings,
        venue: str,
        workers: ThreadPoolExecutor,
        progress: Progress,
        outcome: Outcome,
        fall_back: bool,
        pace: float | None,
    ) -> None:
        self._settings = settings
        self._venue = venue
        self._archive = ARCHIVES[venue]
        self._workers = workers
        self._progress = progress
        self._outcome = outcome
        self._fall_back = fall_back
        self._pace = pace
        self._downloads = asyncio.Semaphore(FILES_AT_ONCE)
        self._now = to_ms(settings.clock())
        self._closed: VenueError | None = None
        self._breaker = CircuitBreaker()
        self._last: dict[Series, VenueError] = {}

    async def go(self, files: Sequence[ArchiveFile]) -> None:
        """Land all files, oldest first."""
        waiting = batches(await self._located(files))
        address = self._settings.origins.get(self._archive.origin)
        loop = asyncio.get_running_loop()
        with await loop.run_in_executor(self._workers, open_client, self._settings) as client:
            async with Downloader(self._archive, address) as downloader:

                async def work() -> None:
                    for batch in waiting:
                        await self._land(downloader, client, batch)

                async with asyncio.TaskGroup() as group:
                    for _ in range(BATCHES_AT_ONCE):
                        group.create_task(work())

    async def _located(self, files: Sequence[ArchiveFile]) -> list[ArchiveFile]:
        """Files with their paths, which are requested from the venue if it lists them."""
        ordered = sorted(files, key=lambda file: (file.start, file.series))
        listing = self._archive.listing
        if listing is None:
            return ordered
        source = VenueClient(self._venue, self._settings, self._pace, self._progress.fault)
        found = [file for file in ordered if file.path]
        try:
            # So that a refusal that concerns one instrument is distinguished from a ban (VenueClient).
            with suppress(VenueError):
                await source.now(ordered[0].series)
            breaker = CircuitBreaker()
            for call in listing.calls([file for file in ordered if not file.path]):
                found += await self._listed(source, listing, call, breaker)
        finally:
            await source.close()
        return found

    async def _listed(
        self, source: VenueClient, listing: FileListing, call: Sequence[ArchiveFile], breaker: CircuitBreaker
    ) -> list[ArchiveFile]:
        series = {file.series for file in call}
        began = time.monotonic()
        try:
            _, paths = await source.request(listing.endpoint, listing.params(call), listing.read)
        except VenueError as error:
            if len(series) > 1 and not isinstance(error, VenueClosed) and not breaker.venue_is_down:
                # Trouble with one instrument must not fail the others of the same call.
                alone = [[file for file in call if file.series == one] for one in sorted(series)]
                return [file for part in alone for file in await self._listed(source, listing, part, breaker)]
            for one in series:
                if isinstance(error, Refused):
                    breaker.answered(one, ok=False)
                else:
                    breaker.gave_up(one, began)
            if breaker.venue_is_down:
                source.stop(error)
            for file in call:
                self._give_up(file, error)
            return []
        for one in series:
            breaker.answered(one)
        for file in call:
            if file.name not in paths:
                self._give_up(file, MissingFile(f"{file.name} is not in {self._venue}'s list of files"))
        return [replace(file, path=paths[file.name]) for file in call if file.name in paths]

    async def _land(self, downloader: Downloader, client: Client, batch: Sequence[ArchiveFile]) -> None:
        answers = await asyncio.gather(*(self._checked(downloader, file) for file in batch))
        good = [one for one in answers if one is not None]
        if good:
            table = f"raw.{self._venue}__{good[0].file.table}"
            await asyncio.get_running_loop().run_in_executor(self._workers, insert, client, table, good)
        for one in good:
            self._count(one)

    async def _checked(self, downloader: Downloader, file: ArchiveFile) -> CheckedFile | None:
        try:
            async with self._downloads:
                if closed := self._closed or self._lost(file.series):
                    self._give_up(file, closed)
                    return None
                began = time.monotonic()
                download = await downloader.get(file)
            self._breaker.answered(file.series)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._workers, check, file, download, self._now)
        except (FileRefused, Retryable) as error:
            # Either may concern this file alone or all of them (the archive is down, or has banned us).
            self._breaker.gave_up(file.series, began)
            self._last[file.series] = error
            if self._breaker.venue_is_down:
                self._closed = error
            self._give_up(file, error)
        except VenueError as error:
            if isinstance(error, VenueClosed):
                self._closed = error
            else:
                self._breaker.answered(file.series)
            self._give_up(file, error)
        return None

    def _lost(self, series: Series) -> VenueError | None:
        return self._last.get(series) if self._breaker.series_failed(series) else None

    def _count(self, landed: CheckedFile) -> None:
        parts, rows = landed.parts.count, landed.rows
        self._outcome.report.add_file(landed.file.series, parts, rows, landed.text_bytes)
        self._progress.landed(self._venue, parts, rows)
        self._progress.finished_file(landed.file, rows)
        if landed.conflicts:
            self._set_aside(landed.file, landed.conflicts)
        if landed.missing:
            self._outcome.short.append((landed.file, landed.missing))

    def _set_aside(self, file: ArchiveFile, conflicts: Sequence[int]) -> None:
        """Report the times that the file has twice with different values: none of these rows is used."""
        times = sorted(conflicts)
        shown = ", ".join(f"{from_ms(time):%Y-%m-%dT%H:%M}" for time in times[:3]) + (" …" if len(times) > 3 else "")
        in_reach = times[-1] >= rest_reach(file.series, self._now)
        then = "requested from REST instead" if self._fall_back and in_reach else "left out until REST lands them"
        self._outcome.report.notices.append(
            f"{file.name} has conflicting rows at {len(times)} times ({shown}): set aside, {then}."
        )

    def _give_up(self, file: ArchiveFile, error: VenueError) -> None:
        reach = rest_reach(file.series, self._now)
        report = self._outcome.report
        report.faults[error.kind] += 1
        self._progress.finished_file(file, 0)
        if self._fall_back and file.end > reach:
            report.notices.append(f"{error}: that window of {file.series} is requested from REST instead.")
            self._outcome.for_rest.append((file.series, max(file.start, reach), file.end))
        else:
            series_failed = Failure(str(file.series), error.kind, f"{file.series}: {error}")
            report.failures.append(series_failed)
            self._progress.gave_up(series_failed)
