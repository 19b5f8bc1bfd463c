"""report: the data quality report."""

from pathlib import Path
from typing import Annotated

import typer

from mdw.cli.options import Json
from mdw.console.output import out, print_json
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    path: Annotated[Path | None, typer.Option("--out", help="else MDW_HOME/reports/data_quality.html")] = None,
    json: Json = False,
) -> None:
    """Write the data quality report on the newest snapshot as one HTML file that needs no network."""
    # Templates and charts are slow to import: only this command should wait for them.
    from mdw.reports import data_quality as reporting

    settings = Settings.load()
    page = reporting.write(settings, path or settings.home / "reports" / "data_quality.html")
    if json:
        print_json({"report": page})
    else:
        out.print(f"The data quality report is {page}", soft_wrap=True)
