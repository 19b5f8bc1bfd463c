"""Roles and their rights: one SQL file per role, the single source for the embedded server and for real ones. What a
role needs in addition on a cluster is in `<role>.cluster.sql`.

The embedded server keeps its users in a file, so the grants are written into it (`grants`). On a ClickHouse server
`apply` creates the roles with SQL, and an operator grants a role to each service's user.
"""

from functools import cache
from pathlib import Path

from clickhouse_connect.driver.client import Client

from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings

ROLES = ("ingest", "transform", "researcher", "auditor")
FILES = Path(__file__).parent

_WITHOUT_ROLES = (
    "No roles were created: this server keeps its users in users.xml alone (system.user_directories). Give each "
    "service's user there the grants of its file in warehouse/access/, or add a local_directory or replicated user "
    "directory and run `mdw migrate` again."
)

# An unpinned scan multiplies the rows by the number of snapshots: it must fail within seconds with a clear error.
RESEARCHER_LIMITS = {
    "max_execution_time": 120,
    "max_memory_usage": 4_000_000_000,
    "max_rows_to_read": 500_000_000,
    "max_result_rows": 100_000_000,
}


@cache
def statements(role: str) -> tuple[str, ...]:
    """The grant statements of a role's file, without comments."""
    return _statements(FILES / f"{role}.sql")


def cluster_statements(role: str, cluster: str) -> tuple[str, ...]:
    """All grants of a role, each ON CLUSTER."""
    found = (*statements(role), *_only_on_a_cluster(role))
    return tuple(statement.replace("grant ", f"grant on cluster `{cluster}` ", 1) for statement in found)


def _only_on_a_cluster(role: str) -> tuple[str, ...]:
    more = FILES / f"{role}.cluster.sql"
    return _statements(more) if more.exists() else ()


def _statements(file: Path) -> tuple[str, ...]:
    text = file.read_text()
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return tuple(part.strip() for part in code.split(";") if part.strip())


def grants(role: str) -> tuple[str, ...]:
    """The statements in the form for users.xml: without their grantee."""
    return _without_grantee(statements(role))


def cluster_grants(role: str) -> tuple[str, ...]:
    """What a role has in addition on a cluster, in the form for users.xml."""
    return _without_grantee(_only_on_a_cluster(role))


def _without_grantee(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(statement.rsplit(" to ", 1)[0] for statement in given)


def apply(settings: Settings) -> str:
    """Create the roles and their rights on a server with SQL-driven access control. Safe to run again.

    Returns a notice if the server keeps users only in its configuration, and so cannot have such roles; else "".
    Raises OperationFailed if the user may not create roles.
    """
    cluster = f" on cluster `{settings.cluster}`" if settings.cluster else ""
    limits = ", ".join(f"{name} = {value} readonly" for name, value in RESEARCHER_LIMITS.items())
    with connect(settings, "admin") as client:
        if not _keeps_roles(client):
            return _WITHOUT_ROLES
        try:
            for role in ROLES:
                client.command(f"create role if not exists mdw_{role}{cluster}")
                given = cluster_statements(role, settings.cluster) if settings.cluster else statements(role)
                for statement in given:
                    client.command(statement)
            client.command(f"alter role mdw_researcher{cluster} settings readonly = 2, {limits}")
        except Exception as error:
            raise OperationFailed(
                f"The roles could not be created: {str(error).splitlines()[0]}. The user in MDW_CLICKHOUSE_URL needs "
                "ACCESS MANAGEMENT for `mdw migrate`."
            ) from error
    return ""


def _keeps_roles(client: Client) -> bool:
    """Whether the server has writable access storage; without it `create role` fails with code 514."""
    return bool(client.command("select count() from system.user_directories where type not in ('users_xml', 'ldap')"))
