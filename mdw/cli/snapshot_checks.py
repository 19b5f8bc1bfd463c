"""snapshot verify, diff: verify that pins are unchanged, and compare two of them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mdw.cli.options import Json
from mdw.console.output import err, out, plain, print_json, table
from warehouse import snapshots
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings
from warehouse.snapshot_ids import check_snapshot_id

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands to the snapshot group."""
    app.command()(verify)
    app.command()(diff)


def verify(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[SNAPSHOT...]")] = None,
    everything: Annotated[bool, typer.Option("--all", help="every published snapshot")] = False,
    newest: Annotated[int | None, typer.Option(help="the N newest snapshots", min=1, show_default=False)] = None,
    json: Json = False,
) -> None:
    """Recompute rows and content hashes from the data, and name each part that is not as published (exit 1)."""
    from warehouse.snapshots.verify import verify as check

    if sum((bool(ids), everything, newest is not None)) != 1:
        raise BadInput("Name snapshots, or give --all, or --newest N: exactly one of the three.")
    with connect(Settings.load()) as client:
        known = snapshots.published(client)
        wanted = [snapshots.find(client, check_snapshot_id(name)) for name in ids] if ids else known[:newest]
        results = []
        for snapshot in wanted:
            results.append(check(client, snapshot))
            if not json:
                _print_verified(results[-1])
    if json:
        print_json([result.as_dict() for result in results])
    elif not results:
        err.print("No snapshot is published yet: there is nothing to verify.")
    raise typer.Exit(0 if all(result.holds for result in results) else 1)


def _print_verified(result: Any) -> None:
    summary = f"{result.rows:,} rows in {result.parts:,} parts recomputed in {result.seconds:,.1f} s"
    if result.holds:
        out.print(f"{result.snapshot_id}: holds; {summary}")
        return
    out.print(f"[bold red]{result.snapshot_id}: does not hold[/]; {summary}", markup=True)
    columns = ("dataset", "instrument", "timeframe", "month", "rows published", "found", "hash published", "found")
    rows = [list(vars(item).values()) for item in result.differences]
    table(
        columns,
        [[*row[:3], f"{row[3]:%Y-%m}" if row[3] else "total", *row[4:6], row[6][:12], row[7][:12]] for row in rows],
    )
    out.print('Runbook: docs/snapshots.md, "When verification fails"')


def _difference(
    dataset: str, instrument: str, timeframe: str, month: Any, before: int, now: int, old_hash: str, new_hash: str
) -> list[object]:
    part = f"{month:%Y-%m}" if month else "total"
    return [dataset, instrument, timeframe, part, before, now, old_hash[:12], new_hash[:12]]


def diff(
    first: Annotated[str, typer.Argument(metavar="A")],
    second: Annotated[str, typer.Argument(metavar="B")],
    rows: Annotated[int | None, typer.Option(help="rows to print; all with --json", min=0, show_default=False)] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="CHANGE", help="added, revised or removed alone; repeatable")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="write every row that differs", show_default=False)] = None,
    json: Json = False,
) -> None:
    """What changed from A to B: rows added, revised (old and new value), removed."""
    from warehouse.snapshots.diff import CHANGES, Diff

    for change in only or ():
        if change not in CHANGES:
            raise BadInput(f"--only is {change!r}; it must be one of {', '.join(CHANGES)}.")
    if parquet is not None and not parquet.resolve().parent.is_dir():
        raise BadInput(f"--parquet {parquet}: there is no folder {parquet.resolve().parent}. Create it first.")
    with connect(Settings.load()) as client:
        pair = [snapshots.find(client, check_snapshot_id(name)) for name in (first, second)]
        difference = Diff(client, pair[0], pair[1], tuple(only) if only else CHANGES)
        series = difference.series()
        shown = [] if parquet and rows is None else list(difference.rows(rows if json or rows is not None else _SHOWN))
        written = difference.write_parquet(parquet) if parquet else None
    total = {change: sum(getattr(item, change) for item in series) for change in CHANGES}
    if json:
        document = {"first": first, "second": second, **total, "series": [vars(item) for item in series]}
        print_json({**document, "rows": [vars(row) for row in shown], "parquet": parquet, "parquet_rows": written})
        return
    if not series:
        what = f"no row {' or '.join(only)} between them" if only else "the same rows"
        out.print(f"{first} and {second} show {what}.")
        return
    table(("dataset", "instrument", "timeframe", *CHANGES), [list(vars(item).values()) for item in series])
    if shown:
        table(("change", "dataset", "key", "values"), [_cells(row) for row in shown])
    left = sum(total.values()) - len(shown)
    if written is not None:
        out.print(f"{written:,} rows written to {parquet}")
    elif left:
        out.print(f"{left:,} more rows; --rows N prints more, --parquet FILE writes all.")


def _cells(row: Any) -> list[str]:
    key = " ".join(str(plain(value)) for value in row.key.values())
    if row.change == "revised":
        values = ", ".join(f"{name} {plain(row.old[name])} → {plain(row.new[name])}" for name in row.old)
    else:
        state = row.new if row.change == "added" else row.old
        values = ", ".join(f"{name} {plain(value)}" for name, value in state.items() if name not in _PLAIN)
    return [row.change, row.dataset, key, values]


# Columns that repeat the key of the row.
_PLAIN = {"venue", "market", "symbol", "source", "ingested_at"}
