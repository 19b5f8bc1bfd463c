"""The nodes of a cluster, compared with each other, and a new one among them."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings

_DATABASES = ("ops", "raw", "staging", "marts", "snaps", "elementary")
# Tables in which a build compares candidates: they belong to the node that builds.
_WORK = r"^staging\..*__(candidates|changes)$"
# How long Keeper may take to notice that a killed node is gone: ClickHouse's session timeout is 30 s.
_SESSION_SECONDS = 90
# Which node holds which data version; views stop on a node without its row.
_RECORD = ("ops", "node_versions")
# A node that does not answer is left out, after some seconds at most.
_ANSWERING = {
    "skip_unavailable_shards": 1,
    "connections_with_failover_max_tries": 1,
    "connect_timeout_with_failover_ms": 1000,
    "connect_timeout_with_failover_secure_ms": 2000,
    "handshake_timeout_ms": 2000,
    "receive_timeout": 60,
}


@dataclass(frozen=True)
class Node:
    """One replica: `active` while it has a session with Keeper; `holds` is the newest data version it serves whole."""

    name: str
    active: bool
    holds: int


def nodes(client: Client) -> list[Node]:
    """Every replica that Keeper knows, by name. Raises OperationFailed where Keeper does not answer."""
    rows = _rows(client, "select replica_is_active from system.replicas where database = 'ops' and table = 'builds'")
    if not rows:
        raise OperationFailed(
            "This node has no replicated tables: run `mdw migrate` with MDW_CLUSTER for a new cluster, or `mdw cluster "
            "add-node` for a new node of one that has tables. Next step: runbooks/cluster.md"
        )
    if not rows[0][0]:
        raise OperationFailed(
            "This node has no session with Keeper: its tables are read-only, and which nodes are up is not known. "
            "Start Keeper, or correct the network between them. Next step: runbooks/cluster.md, Keeper lost"
        )
    versions = _rows(client, "select node, max(version) from ops.node_versions group by node")
    holds = {str(node): int(version) for node, version in versions}
    return [Node(name, bool(active), holds.get(name, 0)) for name, active in sorted(rows[0][0].items())]


def differences(client: Client, cluster: str) -> list[str]:
    """What one node has otherwise than another: tables, engines, queries of views, rows. Nodes that do not answer are
    left out. Rows of versioned marts are counted as readers see them, since nodes merge at different moments.
    """
    tables = _rows(
        client,
        "select getMacro('replica') as node, concat(database, '.', name) as name, engine, "  # noqa: S608
        "if(engine = 'View', toString(cityHash64(as_select)), '') as query, "
        f"if(engine = 'ReplicatedMergeTree', total_rows, null) as rows from {_everywhere(cluster, 'system.tables')} "
        f"where database in {_DATABASES} and not is_temporary and not match(concat(database, '.', name), '{_WORK}')",
    )
    up = _rows(client, f"select getMacro('replica') from {_everywhere(cluster, 'system.one')}")  # noqa: S608
    answering = sorted({node for node, *_ in tables})
    empty = sorted({str(node) for (node,) in up} - set(answering))
    by_name: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for node, name, engine, query, rows in tables:
        by_name[name][node] = engine, query, rows
    for name, on in by_name.items():
        # FINAL is an error where a node lacks the table or has it with an engine without versions.
        if len(on) == len(answering) and {engine for engine, *_ in on.values()} == {"ReplicatedReplacingMergeTree"}:
            final = f"select getMacro('replica') as node, count() from {_everywhere(cluster, name)} final group by node"  # noqa: S608
            counts = {str(node): rows for node, rows in _rows(client, final)}
            by_name[name] = {node: (engine, query, counts.get(node, 0)) for node, (engine, query, _) in on.items()}
    said = [f"node {node} has no tables: run `mdw cluster add-node` there" for node in empty]
    said += [text for name in sorted(by_name) for text in _compared(name, by_name[name], answering)]
    return [*said, *_not_shared(client, cluster)]


def _not_shared(client: Client, cluster: str) -> list[str]:
    """Tables of one name that are not replicas of each other."""
    rows = _rows(
        client,
        f"select concat(database, '.', table) as name from {_everywhere(cluster, 'system.replicas')} "  # noqa: S608
        f"where database in {_DATABASES} group by name having uniqExact(zookeeper_path) > 1 order by name",
    )
    return [f"{name} is not one table: the nodes have it at different paths in Keeper" for (name,) in rows]


def _compared(name: str, on: dict[str, tuple[Any, ...]], answering: Sequence[str]) -> list[str]:
    absent = [node for node in answering if node not in on]
    if absent:
        return [f"{name} is not on {', '.join(absent)}"]
    said = []
    for what, position in (("engine", 0), ("query", 1), ("rows", 2)):
        values = {node: on[node][position] for node in answering}
        if len(set(values.values())) > 1:
            detail = "" if what == "query" else f" ({', '.join(f'{node}: {value}' for node, value in values.items())})"
            said.append(f"{name} differs in {what}{detail}")
    engine = on[answering[0]][0]
    if engine.endswith("MergeTree") and not engine.startswith("Replicated"):
        said.append(f"{name} is {engine}: each node has rows of its own in it")
    return said


def add_node(client: Client, settings: Settings) -> list[str]:
    """Create on the node of `client`, which is empty, everything that the other nodes have; returns the names.

    The rows come by replication afterwards. What Keeper remembers of an earlier replica of the same name is forgotten.
    Safe to run again. Raises BadInput without MDW_CLUSTER, OperationFailed where no other node answers, or where a
    replica of this name is at work elsewhere.
    """
    if not settings.cluster:
        raise BadInput("MDW_CLUSTER is not set: `mdw cluster` works on a cluster. Set it to the cluster's name.")
    own = str(_rows(client, "select getMacro('replica')")[0][0])
    found = _rows(
        client,
        "select database, name, any(engine), any(create_table_query), any(toString(uuid)) "  # noqa: S608
        f"from {_everywhere(settings.cluster, 'system.tables')} where database in {_DATABASES} and not is_temporary "
        f"and getMacro('replica') != '{own}' and not match(concat(database, '.', name), '{_WORK}') "
        "group by database, name order by database, name",
        show_table_uuid_in_table_create_query_if_not_nil=1,
    )
    if not found:
        raise OperationFailed(
            f"No other node of cluster {settings.cluster} answers with tables. Check remote_servers of this node and "
            "that another node is up."
        )
    _drop_strangers(client, own, {(row[0], row[1]): row[4] for row in found if row[2].startswith("Replicated")})
    have = {f"{d}.{n}" for d, n in _rows(client, "select database, name from system.tables")}
    for database in sorted({row[0] for row in found}):
        client.command(f"create database if not exists `{database}`")
    missing = [row for row in found if f"{row[0]}.{row[1]}" not in have]
    for database, name, engine, query, uuid in missing:
        if engine.startswith("Replicated"):
            _forget_replica(client, own, query, uuid, f"{database}.{name}")
    if any(engine.startswith("Replicated") for _, _, engine, *_ in missing):
        _forget_versions(client, own, next((row[3] for row in missing if (row[0], row[1]) == _RECORD), ""))
    left = [(f"{database}.{name}", query) for database, name, _, query, _ in missing if (database, name) != _RECORD]
    # Tables before the views that read them, in as many rounds as views are nested.
    while left:
        again, problem = [], ""
        for name, query in left:
            try:
                client.command(query)
            except DatabaseError as error:
                again.append((name, query))
                problem = f"{name}: {str(error).splitlines()[0][:400]}"
        if len(again) == len(left):
            raise OperationFailed(f"{len(left)} tables could not be created on node {own}; the last one is {problem}")
        left = again
    return [f"{database}.{name}" for database, name, *_ in missing]


def _forget_versions(client: Client, own: str, create: str) -> None:
    """Forget which versions this node held, before it gets tables: until their rows are there, it is not whole."""
    if create:
        client.command(create)
    client.command("alter table ops.node_versions delete where node = {node:String}", parameters={"node": own})


def _drop_strangers(client: Client, own: str, theirs: dict[tuple[str, str], str]) -> None:
    """Drop tables of this node, empty ones, that only share their name with a replicated table of the other nodes."""
    held = _rows(client, "select database, name, toString(uuid), total_rows from system.tables")
    for database, name, uuid, rows in held:
        if theirs.get((database, name), uuid) == uuid:
            continue
        if rows:
            raise OperationFailed(
                f"{database}.{name} on node {own} has {rows} rows and is no replica of the table of the other nodes. "
                f"Nothing of it was changed. Move it away (rename table {database}.{name} to …) and run this again."
            )
        client.command(f"drop table `{database}`.`{name}` sync")


def _forget_replica(client: Client, own: str, query: str, uuid: str, table: str) -> None:
    path = query.split("MergeTree('", 1)[1].split("'", 1)[0]
    shard = _rows(client, "select getMacro('shard')")[0][0]
    database, name = table.split(".", 1)
    for macro, value in (("uuid", uuid), ("shard", shard), ("database", database), ("table", name)):
        path = path.replace(f"{{{macro}}}", value)
    deadline = time.monotonic() + _SESSION_SECONDS
    while True:
        try:
            client.command(f"system drop replica '{own}' from zkpath '{path}'")
        except DatabaseError as error:
            if "does not look like a table path" in str(error):
                return
            # Keeper calls a node that was killed active until its session expires.
            if "because it's active" in str(error) and time.monotonic() < deadline:
                time.sleep(2)
                continue
            raise OperationFailed(
                f"Keeper has a replica {own!r} of {table} that cannot be removed: "
                f"{str(error).splitlines()[0][:300]}. Is another node with this name running? Give the new node a name "
                "of its own (macro `replica`)."
            ) from None
        return


def _everywhere(cluster: str, table: str) -> str:
    return f"clusterAllReplicas(`{cluster}`, {table})"


def _rows(client: Client, query: str, **settings: object) -> list[Sequence[Any]]:
    return list(client.query(query, settings={**_ANSWERING, **settings}).result_rows)
