"""docs: the data catalog, and Elementary's report."""

import typer

from mdw.cli.options import Json
from mdw.console.output import out, print_json
from mdw.reports import catalog
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(docs)


def docs(json: Json = False) -> None:
    """Write the data catalog (dbt docs) as one static HTML file, and Elementary's report if it has recorded builds."""
    from mdw.reports import elementary_report

    settings = Settings.load()
    page = catalog.write(settings)
    if not json:
        out.print(f"The data catalog is {page}", soft_wrap=True)
    runs = elementary_report.recorded_runs(settings)
    report = elementary_report.write(settings, settings.home / "reports" / "elementary.html") if runs else None
    if json:
        print_json({"catalog": page, "elementary": report})
    elif report:
        out.print(f"Elementary's report of {runs} builds is {report}", soft_wrap=True)
    else:
        out.print("Elementary has recorded no build yet: run `mdw build --observe`.", soft_wrap=True)
