"""docs: the data catalog."""

import typer

from mdw import catalog
from mdw.options import Json
from mdw.output import out, print_json
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(docs)


def docs(json: Json = False) -> None:
    """Write the data catalog (dbt docs) as one static HTML file."""
    page = catalog.write(Settings.load())
    if json:
        print_json({"catalog": page})
    else:
        out.print(f"The data catalog is {page}", soft_wrap=True)
