"""The cluster variant on two real replicas. Each test continues with the warehouse of the one before, in file order."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

import alphaforge_data
from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.core.series import Series
from dlt_pipelines.rest.page_loader import PageLoader
from tests.cluster.conftest import NAME, Cluster, Node, mdw
from tests.dbt.pages import MINUTE, START, kline, land
from warehouse import cluster as nodes_of
from warehouse.migrate import migrate
from warehouse.snapshots import find
from warehouse.snapshots.verify import verify

# On a busy machine a build takes minutes.
pytestmark = pytest.mark.timeout(1800)
SERIES = ("binance", "spot", "BTC/USDT", "1m")
BY_SQL = (
    "select count() from marts.v_bars where snapshot_id = '{id}'",
    "select count() from marts.v_bars_at(snapshot_id = '{id}')",
)
LATEST = "select count(), any(snapshot_id) from marts.v_bars_latest"


def land_bars(node: Node, first: int, count: int, close: str = "100.5") -> None:
    """A page of one-minute bars of one series, `first` minutes after START."""
    with node.client() as client:
        land(
            client,
            "binance__spot_klines",
            [kline(number, close) for number in range(first, first + count)],
            START + timedelta(days=1, minutes=first + count),
            series=SERIES,
            window=(START + first * MINUTE, START + (first + count) * MINUTE),
            proof="rows",
        )


def counts(node: Node, snapshot_id: str) -> list[object]:
    """Rows of a snapshot through each view that takes its id."""
    return [node.rows(query.format(id=snapshot_id))[0][0] for query in BY_SQL]


def bars_by_sdk(node: Node, snapshot_id: str) -> int:
    """Rows of the series as the SDK reads them from a node."""
    url = node.environment["MDW_CLICKHOUSE_URL"]
    with alphaforge_data.connect(url, snapshot_id=snapshot_id, cache=False) as sdk:
        return sdk.bars("BTC/USDT", "1m", venue="binance").num_rows


@contextmanager
def without_fetches(node: Node) -> Iterator[None]:
    """The node is alive but replicates nothing."""
    node.command("system stop fetches")
    try:
        yield
    finally:
        node.command("system start fetches")


def differences(node: Node) -> list[str]:
    """Differences between the nodes, after the last rows had some seconds to arrive."""
    deadline = time.monotonic() + 15
    while True:
        with node.client() as client:
            found = nodes_of.differences(client, NAME)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def serves(node: Node, version: int) -> bool:
    with node.client() as client:
        return any(one.name == node.name and one.holds >= version for one in nodes_of.nodes(client))


def test_migrate_reaches_every_node_and_ends_in_order(cluster: Cluster):
    again = migrate(cluster.a.settings)
    assert again.applied == []
    with_roles = cluster.a.rows("select count() from system.user_directories where type not in ('users_xml', 'ldap')")
    assert bool(again.notices) is (with_roles == [(0,)])
    tables = "select database, name, engine from system.tables where database in ('raw', 'ops') order by all"
    assert cluster.a.rows(tables) == cluster.b.rows(tables)
    assert {engine for *_, engine in cluster.a.rows(tables)} == {"ReplicatedMergeTree", "View"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("elsewhere", f"MDW_CLUSTER is 'elsewhere', and remote_servers of this server names: .*{NAME}"),
        ("a b'c`", 'MDW_CLUSTER is "a b\'c`"'),
        ("", "MDW_CLUSTER is not set"),
    ],
)
def test_a_cluster_that_does_not_fit_the_server_is_bad_input(cluster: Cluster, name: str, says: str):
    tables = "select database, name, uuid from system.tables order by all"
    before = cluster.a.rows(tables)
    wrong = replace(cluster.a, settings=cluster.a.settings.model_copy(update={"cluster": name}))
    for command in (("migrate",), ("build",), ("cluster", "check"), ("cluster", "add-node")):
        assert re.search(says, mdw(wrong, *command, exit_code=2))
    assert re.search(says, mdw(wrong, "doctor", exit_code=1))
    by_hand = cluster.dbt(wrong).run("seed")
    assert not by_hand.succeeded
    assert cluster.a.rows(tables) == before


def test_a_landing_leaves_dlts_own_tables_on_every_node(cluster: Cluster):
    series = Series("fear_greed", "alternative_me", "")
    for node, text in ((cluster.a, '{"data": []}'), (cluster.b, '{"data": [ ]}')):
        page = Page(series, "fear_greed", "", "/fng/", {}, None, None, 200, datetime.now(UTC), None, 0, text)
        with PageLoader(node.settings.connection("ingest"), node.settings.home, cluster=NAME) as landing:
            landing.load("alternative_me", [page])
    for node in (cluster.a, cluster.b):
        for (name,) in node.rows("select name from system.tables where database = 'raw' and name like '%dlt%'"):
            node.command(f"system sync replica raw.`{name}`")
        assert differences(node) == []
        assert node.rows("select count() from raw.alternative_me__fear_greed") == [(2,)]


def test_an_insert_that_equals_an_earlier_one_counts(cluster: Cluster):
    for role in ("admin", "ingest", "transform"):
        with cluster.a.client(role) as client:
            before = int(str(client.command("select count() from ops.landings")))
            for _ in range(2):
                client.insert("ops.landings", [[0.5]], column_names=["seconds"])
            assert int(str(client.command("select count() from ops.landings"))) == before + 2


def test_a_build_makes_everything_on_every_node(cluster: Cluster):
    land_bars(cluster.a, 0, 60)
    cluster.dbt(cluster.a).publish("s1")
    assert differences(cluster.a) == []
    assert counts(cluster.a, "s1") == counts(cluster.b, "s1") == [60, 60]
    assert cluster.a.rows(LATEST) == cluster.b.rows(LATEST) == [(60, "s1")]
    assert serves(cluster.b, 1)


def test_a_node_that_lags_answers_with_an_error_and_never_with_fewer_rows(cluster: Cluster):
    with without_fetches(cluster.b):
        land_bars(cluster.a, 60, 60)
        land_bars(cluster.a, 0, 10, close="100.75")
        outcome = cluster.dbt(cluster.a).build("s2", replica_wait_seconds=3)
        assert outcome.succeeded, outcome.text
        assert f"node {cluster.b.name} is behind (lacks rows)" in outcome.text
        assert counts(cluster.a, "s2") == [120, 120]
        # An older pin is complete on both.
        assert counts(cluster.a, "s1") == counts(cluster.b, "s1") == [60, 60]
        for query in (*(text.format(id="s2") for text in BY_SQL), LATEST):
            with pytest.raises(DatabaseError, match=r"this node is behind|unknown snapshot_id"):
                cluster.b.rows(query)
        with pytest.raises(alphaforge_data.AlphaforgeDataError):
            bars_by_sdk(cluster.b, "s2")
        assert not serves(cluster.b, 2)
    for table in ("marts.bars", "marts.snapshots", "marts.snapshot_manifest", "ops.node_versions"):
        cluster.b.command(f"system sync replica {table}")
    # It has the rows, but they have not been compared yet.
    with pytest.raises(DatabaseError, match="this node is behind"):
        counts(cluster.b, "s2")
    assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
    cluster.b.command("system sync replica ops.node_versions")
    assert counts(cluster.b, "s2") == [120, 120]
    assert cluster.b.rows(LATEST) == [(120, "s2")]


def test_two_nodes_that_do_not_see_each_other_hand_out_one_version(cluster: Cluster):
    """Versions are claimed through Keeper: rows of ops.builds that were not fetched yet do not matter."""
    claim = (
        "insert into ops.builds (version, invocation_id, state, owner) settings deduplicate_insert = 'enable', "
        "insert_deduplication_token = 'claim of version 900' values (900, '{who}', 'claiming', 'test')"
    )
    with without_fetches(cluster.b):
        for node, who in ((cluster.a, "one"), (cluster.b, "two")):
            node.command(claim.format(who=who))
        assert cluster.a.rows("select invocation_id from ops.builds where version = 900") == [("one",)]
        assert cluster.b.rows("select invocation_id from ops.builds where version = 900") == []
        outcome = cluster.dbt(cluster.b).build("elsewhere", replica_wait_seconds=2)
        assert not outcome.succeeded
        assert f"node {cluster.b.name} is behind" in outcome.text
    cluster.b.command("system sync replica ops.builds")
    refused = cluster.dbt(cluster.b).build("elsewhere")
    assert not refused.succeeded
    assert "build 900 of test" in refused.text
    cluster.a.command("alter table ops.builds delete where version = 900 settings mutations_sync = 2")


def test_a_build_on_the_other_node_goes_on_where_the_first_stopped(cluster: Cluster):
    land_bars(cluster.b, 120, 30)
    cluster.dbt(cluster.b).publish("s3")
    assert counts(cluster.a, "s3") == counts(cluster.b, "s3") == [150, 150]
    assert counts(cluster.a, "s1") == counts(cluster.b, "s1") == [60, 60]
    assert differences(cluster.b) == []


def test_a_drop_frees_rows_on_every_node_and_the_others_are_proven(cluster: Cluster):
    dropped = cluster.dbt(cluster.b).run("run-operation", "drop_snapshots", "--args", "{ids: [s2]}")
    assert dropped.succeeded, dropped.text
    for node in (cluster.a, cluster.b):
        for table in ("marts.snapshots", "marts.bars", "marts.snapshot_manifest"):
            node.command(f"system sync replica {table}")
        assert counts(node, "s1") == [60, 60]
        with node.client() as client:
            for kept in ("s1", "s3"):
                assert verify(client, find(client, kept)).holds
        assert differences(node) == []
        with pytest.raises(DatabaseError, match="unknown snapshot_id"):
            counts(node, "s2")


def test_a_build_goes_on_while_a_node_is_down_and_the_node_catches_up(cluster: Cluster):
    name = cluster.b.name
    cluster.control("kill", "b")
    try:
        land_bars(cluster.a, 150, 30)
        outcome = cluster.dbt(cluster.a).build("s4")
        assert outcome.succeeded, outcome.text
        assert f"node {name} is behind (does not answer)" in outcome.text
    finally:
        cluster.control("start", "b")
    deadline = time.monotonic() + 60
    while not serves(cluster.b, 4) and time.monotonic() < deadline:
        assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
    cluster.b.command("system sync replica ops.node_versions")
    assert counts(cluster.b, "s4") == [180, 180]
    assert differences(cluster.a) == []


def test_without_keeper_nothing_is_changed_and_pins_are_read(cluster: Cluster):
    before = cluster.a.rows("select count() from ops.builds")
    cluster.control("kill", "zk")
    try:
        deadline = time.monotonic() + 60
        readonly = "select count() from system.replicas where database = 'ops' and is_readonly"
        while cluster.a.rows(readonly) == [(0,)] and time.monotonic() < deadline:
            time.sleep(1)
        for node in (cluster.a, cluster.b):
            by_name, by_parameter = (query.format(id="s4") for query in BY_SQL)
            assert node.rows(by_parameter) == [(180,)]
            assert bars_by_sdk(node, "s4") == 180
            # By name a snapshot that the node has not heard of would have no rows.
            with pytest.raises(DatabaseError, match=r"no session with Keeper .* read v_bars_at"):
                node.rows(by_name)
        outcome = cluster.dbt(cluster.a).build("s5", replica_wait_seconds=1)
        assert not outcome.succeeded
        assert "has no session with Keeper" in outcome.text
        for command in (("cluster", "check"), ("migrate",), ("doctor",)):
            assert "Keeper lost" in mdw(cluster.a, *command, exit_code=1)
    finally:
        cluster.control("start", "zk")
    assert cluster.a.rows("select count() from ops.builds") == before
    deadline = time.monotonic() + 60
    while cluster.a.rows(readonly) != [(0,)] and time.monotonic() < deadline:
        time.sleep(1)
    assert counts(cluster.a, "s4") == counts(cluster.b, "s4") == [180, 180]


def test_a_node_that_lost_its_disk_gets_everything_again(cluster: Cluster):
    cluster.control("kill", "b")
    try:
        cluster.control("wipe", "b")
    finally:
        cluster.control("start", "b")
    refused = cluster.dbt(cluster.a).build("s5", replica_wait_seconds=1)
    assert not refused.succeeded
    assert f"node {cluster.b.name} is up and has no tables" in refused.text
    with cluster.a.client() as client:
        assert f"node {cluster.b.name} has no tables" in nodes_of.differences(client, NAME)[0]
    # What `create table … on cluster` would have made there.
    cluster.b.command("create database if not exists marts")
    engine = "ReplicatedMergeTree('/other/dq_series_days', 'b')"
    cluster.b.command(f"create table marts.dq_series_days (day Date) engine = {engine} order by day")
    with cluster.a.client() as client:
        assert "marts.dq_series_days is not one table" in "; ".join(nodes_of.differences(client, NAME))
    made = nodes_of.add_node(cluster.b.client(), cluster.b.settings)
    assert "marts.bars" in made
    assert "marts.v_bars" in made
    assert nodes_of.add_node(cluster.b.client(), cluster.b.settings) == []
    # What it held before it lost its disk counts no longer: its rows are still on the way.
    for query in BY_SQL:
        with pytest.raises(DatabaseError, match=r"this node is behind|unknown snapshot_id"):
            cluster.b.rows(query.format(id="s4"))
    deadline = time.monotonic() + 60
    while not serves(cluster.b, 4) and time.monotonic() < deadline:
        assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
        cluster.b.command("system sync replica ops.node_versions")
    assert counts(cluster.b, "s1") == [60, 60]
    assert counts(cluster.b, "s4") == [180, 180]
    assert differences(cluster.a) == []
