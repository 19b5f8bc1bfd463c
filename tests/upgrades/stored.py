"""A whole warehouse as one zip: schema.sql, and a file of ClickHouse's Native format for each table with rows."""

import zipfile
from pathlib import Path

from clickhouse_connect.driver.client import Client

_DATABASES = ("raw", "staging", "marts", "snaps", "ops")
_SCHEMA = "schema.sql"
_SEPARATOR = "\n;\n\n"


def write(client: Client, file: Path) -> Path:
    """Replace the file with the server's content; returns it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tables = _tables(client)
    statements = [f"create database if not exists {name}" for name in _DATABASES]
    statements += [_definition(client, *table) for table in tables]
    with zipfile.ZipFile(file, "w") as archive:
        _add(archive, _SCHEMA, _SEPARATOR.join(statements).encode())
        for table in tables:
            if _holds_rows(client, *table):
                _add(archive, ".".join(table), client.raw_query(f"select * from {_quoted(*table)}", fmt="Native"))
    return file


def load(client: Client, file: Path) -> None:
    """Restore what `write` stored into an empty server."""
    with zipfile.ZipFile(file) as archive:
        for statement in archive.read(_SCHEMA).decode().split(_SEPARATOR):
            client.command(statement)
        for name in archive.namelist():
            if name != _SCHEMA:
                # Rows as stored: a closed copy may exist next to its open original.
                client.raw_insert(
                    _quoted(*name.split(".", 1)),
                    insert_block=archive.read(name),
                    fmt="Native",
                    settings={"optimize_on_insert": 0},
                )


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed time: the same content gives the same file.
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_LZMA)


def _definition(client: Client, database: str, name: str) -> str:
    query = "select create_table_query from system.tables where database = {database:String} and name = {name:String}"
    return str(client.query(query, parameters={"database": database, "name": name}).result_rows[0][0])


def _tables(client: Client) -> list[tuple[str, str]]:
    """Tables first, then views, each after those that it reads, because definitions are checked on creation."""
    rows = client.query(
        "select database, name, engine in ('View', 'Merge') as reads, as_select from system.tables "
        "where database in {databases:Array(String)} order by reads, metadata_modification_time, name",
        parameters={"databases": list(_DATABASES)},
    ).result_rows
    return [(str(row[0]), str(row[1])) for row in rows]


def _holds_rows(client: Client, database: str, name: str) -> bool:
    rows = client.query(
        "select total_rows from system.tables where database = {database:String} and name = {name:String} "
        "and engine not in ('View', 'Merge')",
        parameters={"database": database, "name": name},
    ).result_rows
    return bool(rows and rows[0][0])


def _quoted(database: str, name: str) -> str:
    return f"{database}.`{name}`"
