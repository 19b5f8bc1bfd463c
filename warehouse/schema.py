"""Compares the migrations of this code with those of the database."""

from pathlib import Path

from clickhouse_connect.driver.client import Client

from warehouse.errors import OperationFailed

MIGRATIONS = Path(__file__).parent / "migrations"


def known() -> set[int]:
    """Numbers of the migrations in this code."""
    return {int(file.name.split("_", 1)[0]) for file in MIGRATIONS.glob("*.sql")}


def refuse_older_code(client: Client) -> None:
    """Raise OperationFailed if the database has a migration that this code does not have."""
    require_known(_applied(client))


def refuse_older_data(client: Client) -> None:
    """Raise OperationFailed if the database lacks a migration of this code, as after `git pull`."""
    require_all(_applied(client))


def require_known(applied: set[int]) -> None:
    """`refuse_older_code` for migrations that were read already."""
    if newer := applied - known():
        raise OperationFailed(
            f"The database was migrated by newer code: it has migration {max(newer):03d}, and the newest of "
            f"this code is {max(known()):03d}. Use code at least as new as the data. Nothing was changed."
        )


def require_all(applied: set[int]) -> None:
    """`refuse_older_data` for migrations that were read already."""
    if missing := known() - applied:
        raise OperationFailed(
            f"The database is at migration {max(applied, default=0):03d}, and this code needs {max(missing):03d}: run "
            "`mdw migrate`, then again. Nothing was changed."
        )


def _applied(client: Client) -> set[int]:
    if not client.command("exists table ops.schema_migrations"):
        return set()
    return {int(row[0]) for row in client.query("select distinct version from ops.schema_migrations").result_rows}
