"""What people see of a landing: the plan, a bar a venue while it runs, the report at its end."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from dlt_pipelines.archive.files import ArchiveFile
from dlt_pipelines.errors import SourceTrouble
from dlt_pipelines.page import Page
from dlt_pipelines.plan import Plan
from dlt_pipelines.planning import Ask
from dlt_pipelines.progress import Failure, LandingReport
from dlt_pipelines.venue import Budget, Endpoint
from mdw.output import err, out, print_json, table

_USE_SECONDS = 10.0


class LimitUse:
    """The share of the documented limit that each venue's busiest budget used in the last ten seconds."""

    def __init__(self) -> None:
        self._sent: dict[str, dict[Budget, deque[tuple[float, float]]]] = {}
        self._began = time.monotonic()

    def add(self, venue: str, budget: Budget, weight: float) -> float:
        """Count a request; the venue's share, 1 for all of it."""
        now = time.monotonic()
        budgets = self._sent.setdefault(venue, {})
        budgets.setdefault(budget, deque()).append((now, weight))
        return max(self._share(one, sent, now) for one, sent in budgets.items())

    def _share(self, budget: Budget, sent: deque[tuple[float, float]], now: float) -> float:
        while sent and sent[0][0] < now - _USE_SECONDS:
            sent.popleft()
        seconds = min(max(now - self._began, 1.0), _USE_SECONDS)
        return sum(weight for _, weight in sent) / seconds / budget.per_second


class Bars:
    """A progress bar a venue, on stderr; silent where stderr is no terminal."""

    def __init__(self, plan: Plan, display: Progress) -> None:
        self._display = display
        self._rows: dict[str, int] = {}
        totals = Counter({page.series.venue: 0 for page in plan.probes})
        totals.update(ask.series.venue for ask in plan.asks)
        totals.update(file.series.venue for file in plan.files)
        self._use = LimitUse()
        self._began = time.monotonic()
        self._tasks: dict[str, TaskID] = {
            venue: display.add_task(venue, total=total, rows=0, rate=0, use=0) for venue, total in totals.items()
        }

    def asked(self, venue: str, endpoint: Endpoint) -> None:
        """Show how much of the limit is used."""
        use = self._use.add(venue, endpoint.budget, endpoint.weight)
        self._display.update(self._tasks[venue], use=round(100 * use))

    def fetched(self, page: Page) -> None:
        """Count its records."""
        venue = page.series.venue
        self._rows[venue] = self._rows.get(venue, 0) + page.rows
        rate = round(self._rows[venue] / max(time.monotonic() - self._began, 1.0))
        self._display.update(self._tasks[venue], rows=self._rows[venue], rate=rate)

    def finished(self, ask: Ask) -> None:
        """One window further."""
        self._display.advance(self._tasks[ask.series.venue])

    def finished_file(self, file: ArchiveFile, rows: int) -> None:
        """A file counts as one window."""
        venue = file.series.venue
        self._rows[venue] = self._rows.get(venue, 0) + rows
        self._display.update(self._tasks[venue], advance=1, rows=self._rows[venue])

    def landed(self, venue: str, pages: int, rows: int) -> None:
        """Nothing to show: fetched pages are counted already."""

    def fault(self, venue: str, trouble: SourceTrouble, wait_seconds: float) -> None:
        """Say why it waits."""
        self._display.console.print(f"{venue}: {trouble} Trying again in {wait_seconds:.1f} s.", soft_wrap=True)

    def gave_up(self, failure: Failure) -> None:
        """Say what is left for a later run."""
        self._display.console.print(f"[red]{failure.message}[/]", soft_wrap=True)


@contextmanager
def progress(plan: Plan) -> Iterator[Bars]:
    """Bars for as long as the landing runs."""
    with Progress(
        TextColumn("{task.description:>14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pages or files, {task.fields[rows]:,} records"),
        TextColumn("{task.fields[rate]:,}/s, {task.fields[use]} % of the limit,"),
        TimeRemainingColumn(),
        console=err,
    ) as display:
        yield Bars(plan, display)


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
        out.print("Nothing is missing: every window asked for is covered.")
        return
    columns = ("lane", "venue", "dataset", "market", "calls or files", "records at most", "seconds at the limit")
    table(
        columns,
        [(p.lane, p.venue, p.dataset, p.market, p.calls, p.rows or None, round(p.seconds, 1)) for p in plan.lines()],
    )
    files = f" and {len(plan.files):,} archive files" if plan.files else ""
    out.print(f"{plan.calls:,} calls{files}, at least {plan.minimum_seconds():,.1f} s at the venues' limits.")


def print_report(report: LandingReport) -> None:
    """What is in ClickHouse now that was not before, and what is still missing."""
    _print_notices(report.notices)
    if report.by:
        rows = [(*key, counts["pages"], counts["rows"]) for key, counts in sorted(report.by.items())]
        table(("venue", "dataset", "pages", "records"), rows)
    speed = f", {report.rows / report.seconds:,.0f} records/s" if report.seconds and report.rows else ""
    out.print(f"Landed {report.pages:,} pages with {report.rows:,} records in {report.seconds:,.1f} s{speed}.")
    if report.faults:
        out.print("Faults: " + ", ".join(f"{count} {kind}" for kind, count in report.faults.items()))
    for failure in report.failures:
        err.print(f"[red]not fetched:[/] {failure.message}", soft_wrap=True)
    if report.failures:
        err.print("Run the same command again: only what is missing is asked for.")


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
