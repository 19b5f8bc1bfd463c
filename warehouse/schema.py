"""Which migrations this code knows, and whether the database was migrated by newer code."""

from pathlib import Path

from clickhouse_connect.driver.client import Client

from warehouse.errors import OperationFailed

MIGRATIONS = Path(__file__).parent / "migrations"


def known() -> set[int]:
    """Numbers of the migrations that this code has."""
    return {int(file.name.split("_", 1)[0]) for file in MIGRATIONS.glob("*.sql")}


def refuse_older_code(client: Client) -> None:
    """Raise OperationFailed where the database has a migration that this code does not know."""
    if not client.command("exists table ops.schema_migrations"):
        return
    applied = {int(row[0]) for row in client.query("select distinct version from ops.schema_migrations").result_rows}
    if newer := applied - known():
        raise OperationFailed(
            f"The database was migrated by newer code: it has migration {max(newer):03d}, and this code knows no "
            f"migration after {max(known()):03d}. Use code at least as new as the data. Nothing was changed."
        )
