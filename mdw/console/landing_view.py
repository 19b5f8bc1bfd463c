"""Display of a landing: the plan, a progress bar per venue while it runs, the report at its end."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.endpoint import Budget, Endpoint
from dlt_pipelines.core.errors import VenueError
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.progress import Failure, LandingReport
from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.planning.plan import Plan
from mdw.console.output import err, out, print_json, table, visible

_USE_SECONDS = 10.0
_LINE_SECONDS = 30.0


class LimitUse:
    """The share of the documented limit that each venue's busiest budget used in the last ten seconds."""

    def __init__(self) -> None:
        self._sent: dict[str, dict[Budget, deque[tuple[float, float]]]] = {}

    def add(self, venue: str, budget: Budget, weight: float) -> float:
        """Count a request; returns the venue's share of the limit (1 is all of it)."""
        now = time.monotonic()
        budgets = self._sent.setdefault(venue, {})
        budgets.setdefault(budget, deque()).append((now, weight))
        return max(self._share(one, sent, now) for one, sent in budgets.items())

    def _share(self, budget: Budget, sent: deque[tuple[float, float]], now: float) -> float:
        while sent and sent[0][0] < now - _USE_SECONDS:
            sent.popleft()
        # Always relative to ten full seconds: a landing that has just begun has not used the time before it.
        return sum(weight for _, weight in sent) / (_USE_SECONDS * budget.per_second)


@dataclass
class _Venue:
    """Progress of one venue; an archive file counts as one request."""

    total: int
    done: int = 0
    rows: int = 0
    use: float = 0.0


class LandingProgress:
    """Shows the progress of a landing by venue: bars on a terminal, else a line per venue every half minute.

    `paced`: requests keep to the venues' documented limits. Replays are not limited, so their share of a limit would
    be meaningless.
    """

    def __init__(self, plan: Plan, display: Progress | None, *, paced: bool) -> None:
        self._display, self._paced = display, paced
        totals = Counter({page.series.venue: 0 for page in plan.probes})
        totals.update(request.series.venue for request in plan.requests)
        totals.update(file.series.venue for file in plan.files)
        self._venues = {name: _Venue(total) for name, total in totals.items()}
        self._use = LimitUse()
        self._began = time.monotonic()
        self._said = self._began
        self._tasks: dict[str, TaskID] = {}
        if display is not None:
            self._tasks = {
                name: display.add_task(name, total=venue.total, status=self._status(venue))
                for name, venue in self._venues.items()
            }

    def requested(self, venue: str, endpoint: Endpoint) -> None:
        """Update the share of the limit."""
        self._venues[venue].use = self._use.add(venue, endpoint.budget, endpoint.weight)
        self._show(venue)

    def fetched(self, page: Page) -> None:
        """Count its records."""
        self._venues[page.series.venue].rows += page.rows
        self._show(page.series.venue)

    def finished(self, request: PageRequest) -> None:
        """Count one window."""
        self._venues[request.series.venue].done += 1
        self._show(request.series.venue)

    def finished_file(self, file: ArchiveFile, rows: int) -> None:
        """Count the file as one window."""
        venue = self._venues[file.series.venue]
        venue.done += 1
        venue.rows += rows
        self._show(file.series.venue)

    def landed(self, venue: str, pages: int, rows: int) -> None:
        """Nothing to show: pages were counted when they were fetched."""

    def fault(self, venue: str, error: VenueError, wait_seconds: float) -> None:
        """Print why it waits."""
        err.print(f"{venue}: {error} Retrying in {wait_seconds:.1f} s.", soft_wrap=True)

    def gave_up(self, failure: Failure) -> None:
        """Print what is left to a later run."""
        err.print(Text(visible(failure.message), style="red"), soft_wrap=True)

    def _show(self, name: str) -> None:
        venue = self._venues[name]
        if self._display is not None:
            self._display.update(self._tasks[name], completed=venue.done, status=self._status(venue))
        elif time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            for each, its in self._venues.items():
                err.print(f"{each}: {its.done:,} of {max(its.total, its.done):,} requests, {self._status(its)}")

    def _status(self, venue: _Venue) -> str:
        rate = venue.rows / max(time.monotonic() - self._began, 1.0)
        use = f", {venue.use:.0%} of the limit" if self._paced else ""
        return f"{venue.rows:,} records, {rate:,.0f}/s{use}"


@contextmanager
def progress(plan: Plan, *, paced: bool = True) -> Iterator[LandingProgress]:
    """Show the landing on stderr while it runs."""
    if not err.is_terminal:
        yield LandingProgress(plan, None, paced=paced)
        return
    with Progress(
        TextColumn("{task.description:>14}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}"),
        TimeRemainingColumn(compact=True),
        console=err,
    ) as display:
        yield LandingProgress(plan, display, paced=paced)


def print_plan(plan: Plan, json: bool) -> None:
    """Calls and minimum time by venue, dataset and market."""
    if json:
        lines = [{name: getattr(line, name) for name in line.__slots__} for line in plan.lines()]
        print_json(
            {"calls": plan.calls, "files": len(plan.files), "minimum_seconds": plan.minimum_seconds(), "lines": lines}
        )
        return
    _print_notices(plan.notices)
    if not plan.calls and not plan.files:
        out.print("Nothing is missing: every requested window is covered.")
        return
    columns = ("lane", "venue", "dataset", "market", "requests", "records at most", "seconds")
    table(
        columns,
        [(p.lane, p.venue, p.dataset, p.market, p.calls, p.rows or None, round(p.seconds, 1)) for p in plan.lines()],
    )
    files = f" and {len(plan.files):,} archive files" if plan.files else ""
    out.print(f"{plan.calls:,} calls{files}, at least {plan.minimum_seconds():,.1f} s at the venues' limits.")


def print_report(report: LandingReport) -> None:
    """Print what landed, and what is still missing."""
    _print_notices(report.notices)
    if report.by:
        rows = [(*key, counts["pages"], counts["rows"]) for key, counts in sorted(report.by.items())]
        table(("venue", "dataset", "pages", "records"), rows)
    speed = f", {report.rows / report.seconds:,.0f} records/s" if report.seconds and report.rows else ""
    out.print(f"Landed {report.pages:,} pages with {report.rows:,} records in {report.seconds:,.1f} s{speed}.")
    if report.faults:
        out.print("Faults: " + ", ".join(f"{count} {kind}" for kind, count in report.faults.items()))
    for failure in report.failures:
        err.print(Text("not fetched:", style="red"), failure.message, soft_wrap=True)
    if report.failures:
        err.print("Run the same command again: it requests only what is missing.")


def report_as_dict(report: LandingReport) -> dict[str, object]:
    """For --json."""
    return {
        "pages": report.pages,
        "rows": report.rows,
        "seconds": report.seconds,
        "by": [{"venue": v, "dataset": d, **counts} for (v, d), counts in sorted(report.by.items())],
        "faults": dict(report.faults),
        "failures": [{"subject": f.subject, "kind": f.kind, "message": f.message} for f in report.failures],
        "notices": report.notices,
    }


def _print_notices(notices: list[str]) -> None:
    for notice in notices:
        err.print(notice, soft_wrap=True)
