"""clone: a copy of the warehouse to develop in."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mdw.cli.options import Json
from mdw.console.output import out, print_json
from mdw.publishing import snapshot_build
from warehouse.errors import BadInput
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(clone)


def clone(
    home: Annotated[Path, typer.Argument(help="MDW_HOME of the clone: a new or empty folder", show_default=False)],
    raw_only: Annotated[
        bool, typer.Option("--raw-only", help="raw pages and quarantines only: marts are rebuilt")
    ] = False,
    json: Json = False,
) -> None:
    """Copy the embedded warehouse to develop in: hard links, so it takes seconds and hardly any space.

    Works while the server runs, and waits for a running build to end. The two never see each other's writes.
    """
    from warehouse.embedded.clone import clone as make_clone

    settings = Settings.load()
    if not settings.embedded:
        raise BadInput(
            "`mdw clone` is for the embedded server, and MDW_CLICKHOUSE_URL names another one: use BACKUP and "
            "RESTORE there (runbooks/restore.md), or unset it."
        )
    with snapshot_build.only_writer(settings):
        made = make_clone(settings, home, raw_only=raw_only)
    if json:
        print_json(vars(made))
        return
    how = "hard links" if made.linked else "copies, because it is on another file system"
    out.print(f"Cloned {made.tables} tables, {made.bytes:,} bytes ({how}), in {made.seconds:.1f} s.", soft_wrap=True)
    out.print(f"Use it: export MDW_HOME={shlex.quote(made.home)} && mdw up", soft_wrap=True)
