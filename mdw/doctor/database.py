"""Checks of ClickHouse: reachable, new enough, migrated, and each role has its rights."""

import time
from collections.abc import Iterator

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from mdw.doctor.finding import Finding, State
from warehouse import cluster, schema, topology
from warehouse.client import connect
from warehouse.errors import BadInput, OperationFailed, sentence_of_server
from warehouse.settings import Role, Settings

# The first version with xxh3_128, the hash of manifests.
_MIN_VERSION = (26, 2)
_NEEDED: tuple[tuple[Role, str], ...] = (
    ("ingest", "GRANT INSERT ON raw.*"),
    ("transform", "GRANT INSERT ON marts.*"),
    ("auditor", "GRANT SELECT ON marts.*"),
)
_NEEDED_ON_A_CLUSTER: tuple[tuple[Role, str], ...] = (
    ("ingest", "GRANT CLUSTER ON *.*"),
    ("transform", "GRANT CLUSTER ON *.*"),
)


def check_database(settings: Settings) -> Iterator[Finding]:
    """Check reachability, version, migrations and rights."""
    try:
        client = connect(settings, "auditor")
    except (OperationFailed, BadInput) as error:
        yield Finding("clickhouse", "fail", str(error), "runbooks/clickhouse_down.md")
        return
    with client:
        yield _version(client, settings)
        try:
            topology.refuse_unknown_cluster(client, settings.cluster)
            topology.refuse_other_topology(client, settings.cluster)
        except BadInput as error:
            # Everything else would be checked with the wrong setting.
            yield Finding("MDW_CLUSTER", "fail", str(error), "docs/cluster.md")
            return
        yield _migrations(client)
        if settings.cluster:
            yield from _nodes(client, settings.cluster)
    for role, grant in (*_NEEDED, *(_NEEDED_ON_A_CLUSTER if settings.cluster else ())):
        yield _rights(settings, role, grant)


def _nodes(client: Client, name: str) -> Iterator[Finding]:
    """Check each node of the cluster, and report differences between them."""
    advice = "runbooks/cluster.md"
    try:
        for node in cluster.nodes(client):
            state: State = "ok" if node.active else "fail"
            says = f"serves data version {node.holds}" if node.active else "has no session with Keeper"
            yield Finding(f"node {node.name}", state, says, "" if node.active else advice)
        found = cluster.differences(client, name)
        if found:
            # The newest rows may still be replicating.
            time.sleep(3)
            found = cluster.differences(client, name)
    except (OperationFailed, DatabaseError) as error:
        yield Finding("cluster", "fail", sentence_of_server(error).splitlines()[0], advice)
        return
    if found:
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        yield Finding("nodes compared", "fail", "; ".join(found[:5]) + more, advice)
    else:
        yield Finding("nodes compared", "ok", "same tables, engines and rows on every node that answers")


def _version(client: Client, settings: Settings) -> Finding:
    have = str(client.command("select version()"))
    where = f"{have} at {settings.connection('auditor').address}"
    if tuple(map(int, have.split(".")[:2])) < _MIN_VERSION:
        return Finding("clickhouse", "fail", where, f"upgrade it to {'.'.join(map(str, _MIN_VERSION))} or newer")
    return Finding("clickhouse", "ok", where)


def _migrations(client: Client) -> Finding:
    wanted = len(schema.known())
    try:
        done = int(str(client.command("select uniqExact(version) from ops.schema_migrations")))
    except DatabaseError:
        done = 0
    if done < wanted:
        return Finding("migrations", "fail", f"{done} of {wanted} applied", "run `mdw migrate`")
    if done > wanted:
        return Finding("migrations", "fail", f"{done} applied, {wanted} known", "use code at least as new as the data")
    return Finding("migrations", "ok", f"all {wanted} applied")


def _rights(settings: Settings, role: Role, grant: str) -> Finding:
    try:
        with connect(settings, role) as client:
            allowed = int(str(client.command(f"CHECK {grant}")))
            user = settings.connection(role).user
    except (OperationFailed, DatabaseError) as error:
        return Finding(f"rights of {role}", "fail", str(error).splitlines()[0], "run `mdw migrate` as an admin")
    if not allowed:
        return Finding(f"rights of {role}", "fail", f"{user} lacks: {grant}", f"grant mdw_{role} to {user}")
    return Finding(f"rights of {role}", "ok", f"{user}: {grant}")
