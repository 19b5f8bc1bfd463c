"""Schema migrations: plain SQL files of `migrations/`, applied once each by clickhouse-migrations."""

from dataclasses import dataclass
from pathlib import Path

from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.exceptions import MigrationException

from warehouse import access
from warehouse.client import connect
from warehouse.errors import WorldError
from warehouse.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Migrated:
    """Names of the migrations that this run applied, and how many stood already."""

    applied: list[str]
    already: int


def variables(cluster: str) -> dict[str, str]:
    """Engine names and clause for one server, or for a cluster of replicas."""
    if not cluster:
        return {"ON_CLUSTER": "", "MERGE_TREE": "MergeTree"}
    return {"ON_CLUSTER": f"ON CLUSTER `{cluster}`", "MERGE_TREE": "ReplicatedMergeTree"}


def migrate(settings: Settings) -> Migrated:
    """Bring the schema up to date; running it again does nothing.

    Raises WorldError where a file that was applied has changed, or the server refuses a statement.
    """
    connection = settings.connection("admin")
    with connect(settings, "admin") as client:
        client.command(f"create database if not exists ops {variables(settings.cluster)['ON_CLUSTER']}")
    cluster = ClickhouseCluster(
        db_host=connection.host,
        db_port=str(connection.http_port),
        db_user=connection.user,
        db_password=connection.password,
        secure=connection.secure,
        driver="clickhouse-connect",
        migrations_table="ops.schema_migrations",
    )
    try:
        applied = cluster.migrate(
            "ops",
            MIGRATIONS,
            cluster_name=settings.cluster or None,
            create_db_if_no_exists=False,
            multi_statement=True,
            variables=variables(settings.cluster),
        )
    except MigrationException as error:
        raise WorldError(
            f"Migration stopped: {error}. Nothing after that statement was applied; correct it and run "
            "`mdw migrate` again."
        ) from None
    if not settings.embedded:
        access.apply(settings)
    names = [f"{migration.version:03d}" for migration in applied or []]
    return Migrated(names, len(list(MIGRATIONS.glob("*.sql"))) - len(names))
