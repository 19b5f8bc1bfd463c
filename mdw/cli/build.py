"""build: transform, audit, publish."""

from typing import Annotated

import typer
from rich.text import Text

from mdw.cli.options import Json, SnapshotId
from mdw.console.output import err, out, print_json, table
from mdw.publishing import snapshot_build
from mdw.reports import delivery
from warehouse.errors import OperationFailed
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(build)


def build(
    snapshot_id: SnapshotId = None,
    note: Annotated[str, typer.Option(help="kept with the snapshot")] = "",
    without: Annotated[
        list[str] | None, typer.Option(metavar="SERIES", help="publish knowingly without this series; repeatable")
    ] = None,
    reason: Annotated[str, typer.Option(help="why --without; kept with the decision")] = "",
    observe: Annotated[bool, typer.Option("--observe", help="let Elementary record the run")] = False,
    artifacts: Annotated[
        str | None, typer.Option(metavar="PLACE", help="keep dbt's artifacts in a folder or s3://bucket/prefix")
    ] = None,
    json: Json = False,
) -> None:
    """Build the marts from what has landed, audit them, and publish a snapshot.

    Exit 1 if an audit blocks publication: readers keep the last good snapshot.
    """
    settings = Settings.load()
    if artifacts:
        delivery.check_place(artifacts)
    _exclude(settings, without or [], reason)
    result = snapshot_build.build(settings, snapshot_id, note, observed=observe)
    if artifacts and not result.existed:
        _keep(settings, artifacts, result.snapshot_id)
    if json:
        print_json(result.as_dict())
    else:
        for notice in result.notices:
            out.print(notice, soft_wrap=True)
        if result.warnings:
            table(("audit", "rows", "message"), result.warnings, title="Worth a look (not blocking)")
        if result.failures:
            table(("model or audit", "rows", "message"), result.failures, title="Failed")
        if result.published and not result.existed:
            name = Text(result.snapshot_id, style="bold")
            out.print("Published snapshot", name, f"(data version {result.data_version}).")
        if result.published and result.failures:
            err.print(
                "The snapshot is published and its rows passed the audits, but what is built after it failed: "
                "see the table above. Correct the cause, then run `mdw dbt -- build --select tag:reader`. "
                "Runbook: runbooks/build_failed.md",
                soft_wrap=True,
            )
        elif result.failures:
            err.print("Nothing was published: readers keep the last good snapshot. Runbook: runbooks/build_failed.md")
    raise typer.Exit(1 if result.failures else 0)


def _keep(settings: Settings, to: str, build: str) -> None:
    """Copy dbt's artifacts; a failure to do so does not fail the build."""
    try:
        delivery.keep_artifacts(settings, to, build)
    except OperationFailed as error:
        err.print(f"dbt's artifacts could not be stored: {error}")


def _exclude(settings: Settings, series: list[str], reason: str) -> None:
    """Record the series that snapshots leave out until they are released."""
    if not series:
        return
    from mdw.quality import quarantine
    from warehouse.client import connect

    named = [quarantine.parse_series(text, None) for text in series]
    with connect(settings, "transform") as client:
        for text, one in zip(series, named, strict=True):
            decision = quarantine.record(client, "without", one, reason)
            err.print(
                f"Snapshots leave out {text} until `mdw audit --release {decision.quarantine_id}`.", soft_wrap=True
            )
