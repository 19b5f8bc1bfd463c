"""sql: query the warehouse."""

import json
import re
from typing import Annotated, Any

import typer
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from mdw.cli.options import Json
from mdw.console.output import print_json, table
from mdw.console.tables import Cell
from warehouse.client import connect
from warehouse.errors import BadInput, sentence_of_server
from warehouse.settings import Settings

# ClickHouse formats the values: for Float32 and Float64, the shortest text that parses to the same number.
_FORMAT = "JSONCompactEachRowWithNamesAndTypes"
_SETTINGS = {
    "readonly": 2,
    "wait_end_of_query": 1,
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_denormals": 1,
    "output_format_decimal_trailing_zeros": 1,
}
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sql)


def sql(
    query: Annotated[str, typer.Argument(help="one SELECT, SHOW, DESCRIBE or EXPLAIN")],
    json: Json = False,
) -> None:
    """Run one read-only query and print its values exactly, times in UTC; --json prints a list of rows, each a list."""
    with connect(Settings.load(), "auditor") as client:
        try:
            columns, rows = _run_query(client, query)
        except DatabaseError as error:
            reason = sentence_of_server(error).removesuffix(".")
            raise BadInput(f"ClickHouse rejected the query: {reason[:600]}") from None
    if json:
        print_json(rows)
    else:
        table(columns, rows, cell=_cell)


def _run_query(client: Client, query: str) -> tuple[list[str], list[list[Any]]]:
    body = client.raw_query(query.strip().rstrip(";"), settings=_SETTINGS, fmt=_FORMAT)
    # Split at \n only: other line separators may be part of a value.
    lines = [json.loads(line) for line in body.decode(errors="replace").split("\n") if line]
    names, types = lines[:2]
    moments = [index for index, kind in enumerate(types) if "DateTime" in kind]
    rows = lines[2:]
    for row in rows:
        for index in moments:
            row[index] = _time(row[index])
    return names, rows


def _time(value: Any) -> Any:
    """ISO 8601 in UTC; fractions only where there are any."""
    if isinstance(value, list):
        return [_time(item) for item in value]
    if isinstance(value, dict):
        return {key: _time(item) for key, item in value.items()}
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    fraction = (found[2] or "").rstrip("0")
    return f"{found[1]}.{fraction.ljust(3, '0')}Z" if fraction else f"{found[1]}Z"


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell("NULL", right=True)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(repr(value), right=True, whole=True)
    if isinstance(value, str):
        return Cell("".join(_escaped(character) for character in value))
    return Cell(json.dumps(value, ensure_ascii=False))


def _escaped(character: str) -> str:
    """Control characters, line separators and the like as in JSON: a value is one line, and exact."""
    if character == " " or character.isprintable():
        return character
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"
