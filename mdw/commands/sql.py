"""sql: ask the warehouse."""

from typing import Annotated

import typer
from clickhouse_connect.driver.exceptions import DatabaseError

from mdw.options import Json
from mdw.output import print_json, table
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sql)


def sql(
    query: Annotated[str, typer.Argument(help="one SELECT, SHOW, DESCRIBE or EXPLAIN")], json: Json = False
) -> None:
    """Run one read-only query; --json prints a list of rows, each a list."""
    with connect(Settings.load(), "auditor") as client:
        try:
            answer = client.query(query, settings={"readonly": 2})
        except DatabaseError as error:
            raise BadInput(_server_said(str(error))) from None
        if json:
            print_json([list(row) for row in answer.result_rows])
        else:
            table(answer.column_names, answer.result_rows)


def _server_said(text: str) -> str:
    reason = text.split("DB::Exception:", 1)[-1].strip().removesuffix(".")
    return f"ClickHouse refuses the query: {reason[:600]}"
