"""audit: run the audits, show findings, repair or withhold rows."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from mdw.cli.options import Json, parse_time
from mdw.console.output import err, out, print_json, table, utc
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    full: Annotated[bool, typer.Option(help="audit every row, not only unpublished ones")] = False,
    last: Annotated[bool, typer.Option("--last", help="show the newest results without a new run")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="fetch missing data, and request unusable rows again")] = False,
    report: Annotated[Path | None, typer.Option(help="write the report to this file, too", show_default=False)] = None,
    quarantine: Annotated[
        str | None, typer.Option(metavar="SERIES", help="withhold rows: INSTRUMENT[@TIMEFRAME] or fear_greed")
    ] = None,
    start: Annotated[str | None, typer.Option(help="with --quarantine: first time; alone, that row only")] = None,
    end: Annotated[str | None, typer.Option(help="with --quarantine: end, exclusive")] = None,
    dataset: Annotated[str | None, typer.Option(help="with --quarantine: bars unless given")] = None,
    reason: Annotated[str, typer.Option(help="why; kept with the decision")] = "",
    release: Annotated[str | None, typer.Option(metavar="ID", help="end a quarantine; see --quarantined")] = None,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="list what is withheld, why, and by whom")] = False,
    json: Json = False,
) -> None:
    """Audit the marts; exit 1 on errors. Quarantines are recorded here, and the next `mdw build` applies them."""
    settings = Settings.load()
    if sum((quarantine is not None, release is not None, quarantined, last)) > 1:
        raise BadInput("--quarantine, --release, --quarantined and --last exclude each other: give one of them.")
    if quarantine is not None:
        _quarantine(settings, quarantine, dataset, start, end, reason, json)
    elif release is not None:
        _release(settings, release, reason, json)
    elif quarantined:
        _list(settings, json)
    else:
        _audit(settings, full, last, fix, report, json)


def _audit(settings: Settings, full: bool, last: bool, fix: bool, report: Path | None, json: bool) -> None:
    from mdw.quality import audit_runs
    from mdw.quality.display import show
    from mdw.quality.findings import newest_run

    if last:
        with connect(settings, "auditor") as client:
            run = newest_run(client)
        if run is None:
            raise BadInput("No audit has run yet. Run `mdw build` or `mdw audit`.")
    else:
        run = audit_runs.run(settings, full)
    if report is not None:
        _report(settings, report)
    fixed = _fix(settings, run, json) if fix else None
    if json:
        print_json({**run.as_dict(), **({"fixed": fixed} if fix else {})})
    else:
        show(run)
    raise typer.Exit(1 if run.of("error") else 0)


def _report(settings: Settings, path: Path) -> None:
    # The chart libraries are slow to import.
    reporting = import_module("mdw.reports.data_quality")
    reporting.write(settings, path)
    err.print(f"Report: {path}", soft_wrap=True)


def _fix(settings: Settings, run: object, json: bool) -> dict[str, object]:
    from dlt_pipelines import backfill
    from dlt_pipelines.core.progress import LandingReport
    from mdw.console.landing_view import print_report, progress, report_as_dict
    from mdw.quality import repair
    from mdw.quality.findings import AuditRun

    assert isinstance(run, AuditRun)
    inside, before = repair.holes(run)
    again = repair.unusable(run)
    if before and not json:
        out.print(
            f"{len(before)} series begin later than the universe wants: `mdw backfill` loads that history.",
            soft_wrap=True,
        )
    fixed: dict[str, object] = {"holes": len(inside), "asked_again": len(again), "left_to_backfill": len(before)}
    plans = [repair.plan(settings, inside)] if inside else []
    plans += [repair.plan_again(settings, again)] if again else []
    if not plans:
        if not json:
            out.print("Nothing fetchable is missing inside the landed history, and no rows need to be requested again.")
        return fixed
    landed = LandingReport()
    for plan in plans:
        with progress(plan) as watcher:
            done = backfill.run(plan, watcher)
        landed.merge(done)
        landed.seconds += done.seconds
    if not json:
        for finding in [*inside, *again]:
            out.print(
                f"requested again: {finding.dataset} {finding.series} {finding.span} ({finding.rows:,} rows)",
                soft_wrap=True,
            )
        print_report(landed)
        out.print("`mdw build` builds and audits what has landed.")
    return {**fixed, "landed": report_as_dict(landed)}


def _quarantine(
    settings: Settings,
    series: str,
    dataset: str | None,
    start: str | None,
    end: str | None,
    reason: str,
    json: bool,
) -> None:
    from mdw.quality import quarantine as quarantining

    named = quarantining.parse_series(series, dataset)
    first = parse_time("--start", start) if start else None
    last = parse_time("--end", end) if end else None
    with connect(settings, "transform") as client:
        decision = quarantining.record(client, "quarantine", named, reason, first, last)
    if json:
        print_json(vars(decision))
        return
    out.print(
        f"Quarantine {decision.quarantine_id}: the next `mdw build` leaves out {series} "
        f"{utc(decision.range_start)} .. {utc(decision.range_end)} as fetched until now. "
        f"It ends when the rows are fetched again, or with `mdw audit --release {decision.quarantine_id}`.",
        soft_wrap=True,
    )


def _release(settings: Settings, quarantine_id: str, reason: str, json: bool) -> None:
    from mdw.quality import quarantine as quarantining

    with connect(settings, "transform") as client:
        decision = quarantining.release(client, quarantine_id, reason)
    if json:
        print_json(vars(decision))
        return
    out.print(f"Released {quarantine_id}: the next `mdw build` brings its rows back and audits them.", soft_wrap=True)


def _list(settings: Settings, json: bool) -> None:
    from mdw.quality import quarantine as quarantining

    with connect(settings, "auditor") as client:
        decisions = quarantining.active(client)
    if json:
        print_json([vars(one) for one in decisions])
    elif decisions:
        columns = ("id", "what", "dataset", "series", "from", "to", "reason", "author", "recorded")
        rows = [
            (
                one.quarantine_id,
                one.action,
                one.dataset,
                f"{one.instrument_id} {one.timeframe}",
                utc(one.range_start),
                utc(one.range_end),
                one.reason,
                one.author,
                utc(one.recorded_at),
            )
            for one in decisions
        ]
        table(columns, rows)
    else:
        out.print("Nothing is withheld.")
