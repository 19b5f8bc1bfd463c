"""publish-reports: copy the reports to a folder or S3."""

from typing import Annotated

import typer

from mdw.cli.options import Json
from mdw.console.output import out, print_json, table
from mdw.reports import delivery
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(publish_reports)


def publish_reports(
    to: Annotated[str, typer.Option("--to", help="a folder or s3://bucket/prefix")],
    json: Json = False,
) -> None:
    """Copy every report in MDW_HOME/reports to a folder or S3: under the UTC day, and under `latest`."""
    delivered = delivery.publish(Settings.load(), to)
    if json:
        print_json([vars(one) for one in delivered])
        return
    table(("report", "bytes"), [(one.report, one.size_bytes) for one in delivered])
    out.print(f"{len(delivered)} reports are in {to.rstrip('/')}/{delivery.LATEST}/", soft_wrap=True)
