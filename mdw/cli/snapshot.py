"""snapshot list, show, protect, withdraw, drop: published snapshots and their retention."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from mdw.cli import iceberg, snapshot_checks
from mdw.cli.options import Json
from mdw.console.output import err, out, print_json, table, utc
from warehouse import snapshots
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings
from warehouse.snapshot_ids import check_snapshot_id
from warehouse.snapshots.registry import PublishedSnapshot
from warehouse.snapshots.sizes import sizes
from warehouse.utc import aware_utc

_HELP = "List, show, verify, compare, protect, withdraw and drop published snapshots; export and import them."
app = typer.Typer(help=_HELP, no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="SNAPSHOT")]
Ids = Annotated[list[str], typer.Argument(metavar="SNAPSHOT...")]
snapshot_checks.register(app)
iceberg.register(app)


@app.command("list")
def list_(json: Json = False) -> None:
    """Published snapshots, newest first."""
    with connect(Settings.load()) as client:
        published = snapshots.published(client)
    if json:
        print_json([vars(item) for item in published])
    elif published:
        columns = ("snapshot", "version", "published, UTC", "rows", "kept", "code", "note")
        table(columns, [_listed(item) for item in published])
    else:
        out.print("No snapshot is published yet. Publish one with `mdw build`.")


def _listed(item: PublishedSnapshot) -> tuple[object, ...]:
    at = item.published_at.strftime("%Y-%m-%d %H:%M:%S")
    kept = "yes" if item.protected else ""
    note = item.note if item.withdrawn is None else f"WITHDRAWN: {item.withdrawn}. {item.note}".rstrip(". ")
    return item.snapshot_id, item.data_version, at, item.row_count, kept, item.code_revision, note


@app.command()
def show(snapshot_id: Id, json: Json = False) -> None:
    """One snapshot: rows, content hash and size of every dataset, its age, note and code revision."""
    with connect(Settings.load()) as client:
        found = snapshots.find(client, check_snapshot_id(snapshot_id))
        parts = {part.dataset: part for part in snapshots.datasets(client, found)}
        weights = sizes(client, [found], snapshots.published(client))
    rows = []
    for size in weights:
        part = parts.get(size.dataset, snapshots.DatasetPart(size.dataset, 0, ""))
        shown = round(part.row_count * size.bytes_per_row)
        rows.append({**vars(part), "bytes": shown, "own_rows": size.own_rows, "own_bytes": size.own_bytes})
    age = datetime.now(UTC) - aware_utc(found.published_at)
    if json:
        print_json({**vars(found), "age_seconds": round(age.total_seconds()), "datasets": rows})
        return
    kept = ", protected" if found.protected else ""
    out.print(f"[bold]{found.snapshot_id}[/]: data version {found.data_version}{kept}", markup=True)
    out.print(
        f"published {utc(found.published_at)}, {_age(age.total_seconds())} ago; code {found.code_revision or '-'}"
    )
    if found.withdrawn is not None:
        out.print(Text("withdrawn, known to be bad:", style="bold red"), found.withdrawn)
    if found.note:
        out.print(f"note: {found.note}", soft_wrap=True)
    columns = ("dataset", "rows", "MB", "own rows", "MB freed", "content hash")
    names = ("dataset", "row_count", "bytes", "own_rows", "own_bytes", "content_hash")
    table(columns, [[_megabytes(name, row[name]) for name in names] for row in rows])


@app.command()
def protect(snapshot_id: Id, json: Json = False) -> None:
    """Keep a snapshot from being dropped, and keep it readable by name in the v_* views."""
    _protect(snapshot_id, True, json)


@app.command()
def unprotect(snapshot_id: Id, json: Json = False) -> None:
    """Allow a protected snapshot to be dropped."""
    _protect(snapshot_id, False, json)


@app.command()
def withdraw(
    snapshot_id: Id,
    reason: Annotated[str, typer.Option(help="what is wrong with it; readers see this")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="remove the mark")] = False,
    json: Json = False,
) -> None:
    """Mark a snapshot as known to be bad. Its rows stay readable: v_snapshots shows why, and the SDK warns readers."""
    from mdw.publishing import retention

    if undo == bool(reason.strip()):
        raise BadInput("Give --reason, which readers see, or --undo: one of the two. Nothing was changed.")
    changed = retention.withdraw(
        Settings.load(), check_snapshot_id(snapshot_id), None if undo else " ".join(reason.split())
    )
    if json:
        print_json({"snapshot_id": snapshot_id, "withdrawn": not undo, "changed": changed})
    else:
        state = "not withdrawn" if undo else "withdrawn: readers are warned, and its rows stay as they are"
        (out if changed else err).print(f"Snapshot {snapshot_id} is {'' if changed else 'already '}{state}.")


@app.command()
def drop(
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
    json: Json = False,
) -> None:
    """Delete snapshots for good, and free the rows that no other snapshot needs. Their names are never used again."""
    from mdw.publishing import retention

    settings = Settings.load()
    with connect(settings) as client:
        known = snapshots.published(client)
        wanted = [snapshot for snapshot in known if snapshot.snapshot_id in ids]
        freed = sizes(client, wanted, known)
    rows, size = sum(item.own_rows for item in freed), sum(item.own_bytes for item in freed)
    if not yes:
        question = f"Drop {', '.join(ids)} for good? That frees {rows:,} row versions, about {size / 1e6:,.1f} MB."
        try:
            typer.confirm(question, abort=True, err=True)
        except typer.Abort:
            raise BadInput("Nothing was dropped: it was not confirmed. Answer y, or give --yes.") from None
    kept = retention.drop(settings, [check_snapshot_id(name) for name in ids])
    for notice in kept:
        err.print(notice, soft_wrap=True)
    if kept:
        rows = size = 0
    if json:
        print_json({"dropped": ids, "freed_rows": rows, "freed_bytes": size})
    else:
        out.print(f"Dropped {', '.join(ids)}: {rows:,} row versions freed, about {size / 1e6:,.1f} MB.")


@app.command()
def prune(
    older_than_days: Annotated[float, typer.Option(min=1, help="age since publication")],
    prefix: Annotated[str, typer.Option(help="only ids that begin with this")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
    json: Json = False,
) -> None:
    """Drop old snapshots of a prefix, such as those of the schedule; protected ones and the newest stay."""
    from mdw.publishing import retention

    settings = Settings.load()
    before = datetime.now(UTC) - timedelta(days=older_than_days)
    with connect(settings) as client:
        ids = retention.expired(snapshots.published(client), prefix, before)
    if ids:
        drop(ids, yes, json)
    elif json:
        print_json({"dropped": [], "freed_rows": 0, "freed_bytes": 0})
    else:
        out.print(f"No snapshot named {prefix}… is older than {older_than_days:g} days: nothing to drop.")


def _protect(snapshot_id: str, on: bool, json: bool) -> None:
    from mdw.publishing import retention

    changed = retention.protect(Settings.load(), check_snapshot_id(snapshot_id), on)
    state = "protected" if on else "not protected"
    if json:
        print_json({"snapshot_id": snapshot_id, "protected": on, "changed": changed})
    else:
        (out if changed else err).print(f"Snapshot {snapshot_id} is {state}{'' if changed else ' already'}.")


def _age(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    hours, minutes = divmod(rest // 60, 60)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def _megabytes(name: str, value: object) -> object:
    return round(value / 1e6, 2) if name.endswith("bytes") and isinstance(value, int) else value
