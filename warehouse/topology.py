"""MDW_CLUSTER compared with the server: one that does not fit would leave tables and views on one node only."""

from clickhouse_connect.driver.client import Client

from warehouse.errors import BadInput

_ENGINE = "select any(engine) from system.tables where database = 'ops' and name = 'builds'"


def refuse_other_topology(client: Client, cluster: str) -> None:
    """Raise BadInput if MDW_CLUSTER is missing for tables that are replicated, or given for tables that are not."""
    engine = str(client.command(_ENGINE))
    replicated = engine.startswith("Replicated")
    if replicated and not cluster:
        raise BadInput(
            "MDW_CLUSTER is not set, and the tables of this server are replicated: this would change one node alone. "
            "Set it to the cluster's name in remote_servers. Nothing was changed."
        )
    if cluster and engine and not replicated:
        raise BadInput(
            f"MDW_CLUSTER is {cluster!r}, and the tables of this server are not replicated (ops.builds is {engine}). "
            "Unset it, or give MDW_CLICKHOUSE_URL of a node of the cluster. Nothing was changed."
        )


def refuse_unknown_cluster(client: Client, cluster: str) -> None:
    """Raise BadInput if the server has no cluster of this name; the user needs SELECT on system.clusters."""
    if not cluster:
        return
    rows = client.query("select distinct cluster from system.clusters order by cluster").result_rows
    known = [str(name) for (name,) in rows]
    if cluster not in known:
        names = ", ".join(known) or "none"
        raise BadInput(
            f"MDW_CLUSTER is {cluster!r}, and remote_servers of this server names: {names}. Set it to one of these, or "
            "unset it for one server. Nothing was changed."
        )
