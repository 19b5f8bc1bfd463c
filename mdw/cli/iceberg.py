"""snapshot export, import: published snapshots to and from Apache Iceberg."""

from typing import Annotated

import typer
from rich.text import Text

from mdw.cli.options import Json
from mdw.console.output import err, out, print_json, table
from warehouse.errors import BadInput
from warehouse.settings import Settings
from warehouse.snapshot_ids import check_snapshot_id

_DATASETS = ("bars", "funding", "instruments", "fear_greed")

Catalog = Annotated[
    str,
    typer.Option(
        envvar="MDW_ICEBERG_CATALOG",
        help="sql (a file next to the tables), glue or rest; more by PYICEBERG_CATALOG__MDW__… variables",
    ),
]
Namespace = Annotated[str, typer.Option(envvar="MDW_ICEBERG_NAMESPACE", help="Iceberg namespace, Glue database")]


def register(app: typer.Typer) -> None:
    """Add the commands to the snapshot group."""
    app.command("export")(export_)
    app.command("import")(import_)


def export_(
    snapshot_id: Annotated[str, typer.Argument()],
    to: Annotated[str, typer.Option("--to", help="folder, or s3://bucket/prefix")],
    catalog: Catalog = "sql",
    namespace: Namespace = "market_data",
    dataset: Annotated[list[str] | None, typer.Option(help="only this dataset; repeats")] = None,
    json: Json = False,
) -> None:
    """Write a snapshot to Apache Iceberg tables; a later snapshot adds only what changed.

    The state of the tables is tagged with the snapshot id. If interrupted, run the same command again to continue.
    """
    from warehouse.iceberg.export import export
    from warehouse.iceberg.target import Target

    with err.status("exporting") as spinner:
        result = export(
            Settings.load(),
            check_snapshot_id(snapshot_id),
            Target.parse(to),
            catalog=catalog,
            namespace=namespace,
            datasets=_chosen(dataset),
            report=lambda name: spinner.update(f"exporting {name}"),
        )
    if json:
        print_json({**vars(result), "parts": [vars(part) for part in result.parts]})
        return
    for notice in result.notices:
        out.print(notice, soft_wrap=True)
    if result.parts:
        table(
            ("dataset", "rows", "rows written", "files", "Iceberg snapshot id"),
            [
                (p.dataset, p.row_count, p.rows_written, p.files_written, str(p.iceberg_snapshot_id))
                for p in result.parts
            ],
        )
        out.print("Snapshot", Text(result.snapshot_id, style="bold"), f"is in {result.target}", soft_wrap=True)


def import_(
    source: Annotated[str, typer.Option("--from", help="folder or s3://bucket/prefix of an export")],
    snapshot_id: Annotated[str | None, typer.Argument(help="default: the newest complete one")] = None,
    catalog: Catalog = "sql",
    namespace: Namespace = "market_data",
    json: Json = False,
) -> None:
    """Restore an empty warehouse from an export: disaster recovery.

    All datasets are restored as one data version under the snapshot's id, and verified against the exported manifest
    before it is published. Raw pages are not in an export: restore them from backups.
    """
    from mdw.publishing.recovery import restore
    from warehouse.iceberg.target import Target

    with err.status("importing") as spinner:
        result = restore(
            Settings.load(),
            check_snapshot_id(snapshot_id) if snapshot_id else None,
            Target.parse(source),
            catalog=catalog,
            namespace=namespace,
            report=lambda text: spinner.update(f"importing: {text}"),
        )
    if json:
        print_json(vars(result))
        return
    for notice in result.notices:
        out.print(notice, soft_wrap=True)
    if result.row_counts:
        table(("dataset", "rows"), list(result.row_counts.items()))
        out.print(
            "Snapshot",
            Text(result.snapshot_id, style="bold"),
            f"(data version {result.data_version}) is restored and equal to its manifest; {result.seconds:.1f} s.",
            soft_wrap=True,
        )


def _chosen(names: list[str] | None) -> tuple[str, ...]:
    for name in names or ():
        if name not in _DATASETS:
            raise BadInput(f"--dataset is {name!r}; it must be one of {', '.join(_DATASETS)}.")
    return tuple(dict.fromkeys(names)) if names else _DATASETS
