"""Schema migrations: plain SQL files of `migrations/`, applied once each by clickhouse-migrations."""

import re
from dataclasses import dataclass, field

from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.connection import ClickhouseConnectConnection, Connection
from clickhouse_migrations.exceptions import MigrationException

from warehouse import access, embedded, schema
from warehouse.client import DDL_SETTINGS, connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings
from warehouse.snapshots import recognition

# A statement that alters a table created by dbt.
_ALTERS_MART = re.compile(r"^\s*(?:--[^\n]*\n\s*)*alter\s+table\s+((?:marts|staging|snaps)\.\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Migrated:
    """The migrations that this run applied, the number of those applied before, and notices for the operator."""

    applied: list[str]
    already: int
    notices: list[str] = field(default_factory=list)


class _Cluster(ClickhouseCluster):  # type: ignore[misc]
    """Skips statements that alter a table of dbt that does not exist yet: dbt will create it in its current form."""

    def connection(self, db_name: str | None = None) -> Connection:
        return _SkippingConnection(self._connect_client(db_name))


class _SkippingConnection(ClickhouseConnectConnection):  # type: ignore[misc]
    def command(self, statement: str, log_statement: str | None = None) -> None:
        altered = _ALTERS_MART.match(statement)
        if altered and not self._client.command(f"exists table {altered[1]}"):
            return
        super().command(statement, log_statement)


def variables(cluster: str) -> dict[str, str]:
    """Engine names and ON CLUSTER clause for one server or for a cluster of replicas."""
    if not cluster:
        return {"ON_CLUSTER": "", "MERGE_TREE": "MergeTree"}
    return {"ON_CLUSTER": f"ON CLUSTER `{cluster}`", "MERGE_TREE": "ReplicatedMergeTree"}


def migrate(settings: Settings) -> Migrated:
    """Bring the schema up to date; running it again does nothing.

    Raises OperationFailed if an applied file has changed, the database was migrated by newer code, or the server
    rejects a statement.
    """
    connection = settings.connection("admin")
    with connect(settings, "admin") as client:
        client.command(f"create database if not exists ops {variables(settings.cluster)['ON_CLUSTER']}")
        schema.refuse_older_code(client)
    cluster = _Cluster(
        db_host=connection.host,
        db_port=str(connection.http_port),
        db_user=connection.user,
        db_password=connection.password,
        secure=connection.secure,
        driver="clickhouse-connect",
        migrations_table="ops.schema_migrations",
        settings=DDL_SETTINGS if settings.cluster else None,
    )
    try:
        applied = cluster.migrate(
            "ops",
            schema.MIGRATIONS,
            cluster_name=settings.cluster or None,
            create_db_if_no_exists=False,
            multi_statement=True,
            variables=variables(settings.cluster),
        )
    except MigrationException as error:
        raise OperationFailed(
            f"Migration stopped: {error}. Nothing after that statement was applied; fix it and run `mdw migrate` again."
        ) from None
    except DatabaseError as error:
        raise OperationFailed(
            f"Migration stopped: ClickHouse refused a statement ({str(error).splitlines()[0][:500]}). Nothing after "
            "that statement was applied; fix it and run `mdw migrate` again."
        ) from None
    with connect(settings, "admin") as client:
        recognition.record(client)
    notice = ""
    if settings.embedded:
        embedded.refresh_access(settings)
    else:
        notice = access.apply(settings)
    names = [f"{migration.version:03d}" for migration in applied or []]
    return Migrated(names, len(list(schema.MIGRATIONS.glob("*.sql"))) - len(names), [notice] if notice else [])
