"""snapshot list, show: what is published."""

from typing import Annotated

import typer

from mdw.building import check_snapshot_id
from mdw.commands import iceberg
from mdw.options import Json
from mdw.output import out, print_json, table, utc
from warehouse import snapshots
from warehouse.client import connect
from warehouse.settings import Settings

app = typer.Typer(help="List, show and compare published snapshots.", no_args_is_help=True)
iceberg.register(app)


@app.command("list")
def list_(json: Json = False) -> None:
    """Published snapshots, newest first."""
    with connect(Settings.load()) as client:
        published = snapshots.published(client)
    if json:
        print_json([vars(item) for item in published])
    elif published:
        columns = ("snapshot", "data version", "published", "code", "note")
        table(columns, [(s.snapshot_id, s.data_version, s.published_at, s.code_revision, s.note) for s in published])
    else:
        out.print("No snapshot is published yet. Publish one with `mdw build`.")


@app.command()
def show(snapshot_id: Annotated[str, typer.Argument()], json: Json = False) -> None:
    """One snapshot: rows and content hash of every dataset."""
    with connect(Settings.load()) as client:
        found = snapshots.find(client, check_snapshot_id(snapshot_id))
        parts = snapshots.datasets(client, found)
    if json:
        print_json({**vars(found), "datasets": [vars(part) for part in parts]})
        return
    published = utc(found.published_at)
    out.print(f"[bold]{found.snapshot_id}[/]: data version {found.data_version}, published {published}")
    out.print(f"code {found.code_revision}{'; ' + found.note if found.note else ''}", soft_wrap=True)
    table(("dataset", "rows", "content hash"), [(p.dataset, p.row_count, p.content_hash) for p in parts])
