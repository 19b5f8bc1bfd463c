"""cluster: check the nodes, and add new ones."""

import typer

from mdw.cli.options import Json
from mdw.console.output import out, print_json, table
from warehouse import cluster, topology
from warehouse.client import connect
from warehouse.errors import BadInput
from warehouse.settings import Settings

app = typer.Typer(help="Replicas: which node serves what, and new nodes.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Makes typer treat `cluster` as a group of commands."""


def _settings() -> Settings:
    settings = Settings.load()
    if not settings.cluster:
        raise BadInput("MDW_CLUSTER is not set: `mdw cluster` works on a cluster. Set it to the cluster's name.")
    with connect(settings, "auditor") as client:
        topology.refuse_unknown_cluster(client, settings.cluster)
    return settings


@app.command()
def check(json: Json = False) -> None:
    """Compare the nodes; one that has caught up with the newest snapshot serves it from now on.

    Exit 1 if a node is down or behind.
    """
    from mdw.publishing import retention

    settings = _settings()
    with connect(settings, "auditor") as client:
        # Without Keeper nothing can be recorded: said here, before dbt runs into it.
        cluster.nodes(client)
        published = client.command("exists table marts.snapshots") and int(
            str(client.command("select max(data_version) from marts.snapshots"))
        )
    if published:
        retention.check_nodes(settings)
    with connect(settings, "auditor") as client:
        found = cluster.nodes(client)
        published = published or 0
    if json:
        print_json({"data_version": published, "nodes": [vars(node) for node in found]})
    else:
        rows = [(node.name, "up" if node.active else "down", node.holds, _state(node, published)) for node in found]
        table(("node", "Keeper session", "holds version", "state"), rows, title=f"Newest data version: {published}")
    raise typer.Exit(0 if all(_state(node, published) == "serves" for node in found) else 1)


@app.command()
def add_node(json: Json = False) -> None:
    """Create every database, table and view on the node of MDW_CLICKHOUSE_URL, which is new and empty.

    The rows follow by replication; `mdw cluster check` shows when the node is ready.
    """
    settings = _settings()
    with connect(settings, "admin") as client:
        made = cluster.add_node(client, settings)
    if json:
        print_json({"created": made})
        return
    out.print(
        f"{len(made)} tables and views created; their rows follow by replication. `mdw cluster check` shows when the "
        "node is ready.",
        soft_wrap=True,
    )


def _state(node: cluster.Node, published: int) -> str:
    if not node.active:
        return "down"
    return "serves" if node.holds >= published else "behind"
