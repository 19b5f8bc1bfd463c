"""clickhouse-connect clients with the settings that all readers and writers here rely on."""

import logging

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from warehouse import open_files, schema, topology, trust
from warehouse.errors import OperationFailed, chain
from warehouse.settings import Role, Settings

_WRITING = ("ingest", "transform")
_CREATING = ("admin", "transform")
_CHANGING = ("admin", "ingest", "transform")
# A statement ON CLUSTER waits for nodes that have a session with Keeper, and no longer than this; the others execute
# it when they come back. Mutations and alters wait for the node that received them.
DDL_SETTINGS = {
    "distributed_ddl_output_mode": "null_status_on_timeout_only_active",
    "distributed_ddl_task_timeout": 20,
    "alter_sync": 1,
    "mutations_sync": 1,
}
# A replicated table drops an insert that equals an earlier one, such as a snapshot that is protected for the second
# time: columns with a default, as the time of the row, do not count.
_EVERY_INSERT_COUNTS = {"deduplicate_insert": "disable", "deduplicate_insert_select": "disable"}
# The driver also logs a warning for every error that it raises; we print one line.
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
_BAD_PASSWORD = ("AUTHENTICATION_FAILED", "REQUIRED_PASSWORD", "code 516", "Code: 516")


def connect(settings: Settings, role: Role = "auditor", *, database: str = "default") -> Client:
    """A client for the role.

    Raises OperationFailed if the server does not answer or refuses the user (neither message contains the password), if
    a role that writes meets a database that was migrated by newer code, or if the landing role meets one that lacks a
    migration. Raises BadInput if a role that changes anything meets a server that MDW_CLUSTER does not fit.
    """
    client = _connected(settings, role, database)
    if role in _CREATING:
        topology.refuse_unknown_cluster(client, settings.cluster)
    if role in _CHANGING and (settings.cluster or not settings.embedded):
        topology.refuse_other_topology(client, settings.cluster)
    if role in _WRITING:
        schema.refuse_older_code(client)
    if role == "ingest":
        # Builds check this themselves, and alerts must be sent in any case.
        schema.refuse_older_data(client)
    return client


def _connected(settings: Settings, role: Role, database: str) -> Client:
    connection = settings.connection(role)
    trust.install(settings)
    try:
        return clickhouse_connect.get_client(
            host=connection.host,
            port=connection.http_port,
            username=connection.user,
            password=connection.password,
            secure=connection.secure,
            database=database,
            client_name="mdw",
            # Threads may share a client: with sessions their queries would conflict.
            autogenerate_session_id=False,
            settings=_settings_on_a_cluster(role) if settings.cluster else None,
        )
    except (DatabaseError, OperationalError) as error:
        if open_files.ran_out(error):
            raise open_files.too_low(f"ClickHouse at {connection.address} could not be reached") from None
        text = str(error)
        if any(mark in text for mark in _BAD_PASSWORD):
            raise OperationFailed(
                f"ClickHouse at {connection.address} refuses user {connection.user!r}: wrong user or password. "
                "Check the user and password in MDW_CLICKHOUSE_URL."
            ) from None
        hint = (
            "Start it with `mdw up`."
            if settings.embedded
            else "Check the address in MDW_CLICKHOUSE_URL and the network."
        )
        reason = _reason(error)
        raise OperationFailed(f"ClickHouse does not answer at {connection.address} ({reason}). {hint}") from None


def _settings_on_a_cluster(role: Role) -> dict[str, object] | None:
    if role not in _CHANGING:
        return None
    return {**_EVERY_INSERT_COUNTS, **(DDL_SETTINGS if role in _CREATING else {})}


def _reason(error: BaseException) -> str:
    """What the network said, without the drivers that it passed through; else the first line of the error."""
    for one in chain(error):
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    text = str(error)
    return text.splitlines()[0][:200] if text else type(error).__name__
