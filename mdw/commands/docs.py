"""docs: the data catalog, and Elementary's report."""

import typer

from mdw import catalog
from mdw.options import Json
from mdw.output import out, print_json
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(docs)


def docs(json: Json = False) -> None:
    """Write the data catalog (dbt docs) as one static HTML file, and Elementary's report where it recorded builds."""
    from mdw import observe

    settings = Settings.load()
    page = catalog.write(settings)
    if not json:
        out.print(f"The data catalog is {page}", soft_wrap=True)
    runs = observe.recorded_runs(settings)
    report = observe.write(settings, settings.home / "reports" / "elementary.html") if runs else None
    if json:
        print_json({"catalog": page, "elementary": report})
    elif report:
        out.print(f"Elementary's report of {runs} builds is {report}", soft_wrap=True)
    else:
        out.print("Elementary recorded no build yet: `mdw build --observe` lets it.", soft_wrap=True)
