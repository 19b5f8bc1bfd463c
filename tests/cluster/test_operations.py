"""What an operator does on two real replicas: quarantine, retention, export and import, doctor, dbt by hand; and what
readers get at a node that lags. The tests go on from each other's warehouse, in the order of this file.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from mdw.doctor.database import check_database
from tests.audits.seeding import land_fear_greed, land_funding, land_listing
from tests.cluster import readers
from tests.cluster.conftest import NAME, ROLES, Cluster, Node, mdw
from tests.cluster.test_cluster import differences, land_bars, serves, without_fetches
from tests.dbt.pages import MINUTE, START
from warehouse.migrate import migrate

# On a busy machine a build takes minutes.
pytestmark = pytest.mark.timeout(1800)
FIRST = 20_000
SERIES = "binance:spot:BTC/USDT@1m"
# What views of gaps and of condition read beside the marts.
EVIDENCE = ("marts.dq_series_days", "marts.dq_audit_results", "ops.build_pages", "raw.binance__spot_klines")


def bars(node: Node, snapshot_id: str) -> int:
    """Bars since FIRST, which is where those of this file are."""
    since = START + FIRST * MINUTE
    return int(
        str(
            node.rows(
                "select count() from marts.v_bars_at(snapshot_id = {id:String}) where open_time >= {since:DateTime64}",
                id=snapshot_id,
                since=since,
            )[0][0]
        )
    )


def synced(cluster: Cluster) -> None:
    """Every replicated table of both nodes has what the other one had when this was called."""
    for node in (cluster.a, cluster.b):
        for (table,) in node.rows(
            "select concat('`', database, '`.`', table, '`') from system.replicas where log_pointer <= log_max_index "
            "or queue_size > 0"
        ):
            node.command(f"system sync replica {table}")


def equal_on_both(cluster: Cluster, *snapshots: str) -> None:
    """The nodes differ in nothing, every reader gets the same at both, and both verify."""
    synced(cluster)
    assert differences(cluster.a) == []
    for name, question in _questions(*snapshots).items():
        assert readers.answer(cluster.a, question) == readers.answer(cluster.b, question), name
    for node in (cluster.a, cluster.b):
        for snapshot_id in snapshots:
            (verified,) = json.loads(mdw(node, "snapshot", "verify", snapshot_id, "--json"))
            assert verified["holds"]


def _questions(*snapshots: str) -> dict[str, readers.Asked]:
    found = {f"{name} (newest)": question for name, question in readers.newest().items()}
    for snapshot_id in snapshots:
        found |= {f"{name} ({snapshot_id})": question for name, question in readers.pinned(snapshot_id).items()}
    return found


def _newest(cluster: Cluster) -> int:
    return int(str(cluster.a.command("select max(data_version) from marts.snapshots")))


@contextmanager
def without_fetches_of(node: Node, *tables: str) -> Iterator[None]:
    """The node is alive and replicates all but these tables."""
    for table in tables:
        node.command(f"system stop fetches {table}")
    try:
        yield
    finally:
        for table in tables:
            node.command(f"system start fetches {table}")


def land_every_dataset(cluster: Cluster, first: int) -> None:
    """An hour of bars, `first` minutes after START, and some rows of every other dataset, at both nodes."""
    land_bars(cluster.a, first, 60)
    with cluster.b.client() as client:
        land_listing(client, START, ("BTC/USDT", "TRADING", "0.01"))
        land_funding(client, "BTC/USDT", [(hour, "0.0001", "100") for hour in (0, 8, 16, 24)])
        land_fear_greed(client, [(day, "50") for day in range(3)])
    synced(cluster)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lake")


def test_dbt_by_hand_with_the_documented_variables_builds_on_both(cluster: Cluster):
    land_every_dataset(cluster, FIRST)
    by_hand = cluster.dbt(cluster.a).start("build", "--exclude-resource-type", "unit_test", snapshot_id="o1")
    said, _ = by_hand.communicate(timeout=600)
    assert by_hand.returncode == 0, said
    assert bars(cluster.a, "o1") == bars(cluster.b, "o1") == 60
    equal_on_both(cluster, "o1")


def test_a_researcher_reads_the_same_at_both_nodes_and_only_the_views(cluster: Cluster):
    if not ROLES:
        pytest.skip("MDW_TEST_CLUSTER_ROLES is not set: the nodes have no users with the rights of the roles")
    for name, question in readers.sources("o1").items():
        found = []
        for node in (cluster.a, cluster.b):
            with node.client("researcher") as client:
                found.append([tuple(row) for row in client.query(question).result_rows])
                with pytest.raises(DatabaseError, match="Not enough privileges"):
                    client.query("select count() from marts.bars")
        assert found[0] == found[1] == cluster.a.rows(question), name


def test_rows_withheld_at_one_node_are_withheld_at_both_and_come_back(cluster: Cluster):
    since, until = (START + (FIRST + number) * MINUTE for number in (10, 20))
    span = ("--start", f"{since:%Y-%m-%dT%H:%M:%SZ}", "--end", f"{until:%Y-%m-%dT%H:%M:%SZ}")
    decision = json.loads(mdw(cluster.b, "audit", "--quarantine", SERIES, *span, "--reason", "test", "--json"))
    cluster.dbt(cluster.a).publish("o2")
    assert decision["quarantine_id"] in mdw(cluster.a, "audit", "--quarantined")
    mdw(cluster.a, "audit", "--release", decision["quarantine_id"], "--reason", "sound after all")
    cluster.dbt(cluster.b).publish("o3")
    assert [bars(cluster.a, one) for one in ("o1", "o2", "o3")] == [60, 50, 60]
    equal_on_both(cluster, "o1", "o2", "o3")


def test_a_snapshot_that_is_archived_twice_is_an_error_at_both_nodes_each_time(cluster: Cluster):
    dbt = cluster.dbt(cluster.a)
    archived = "select count() from marts.v_bars where snapshot_id = 'o1'"
    # With the views that stop at archived snapshots; then without the members. A node that has not fetched the mark as
    # archived keeps the members.
    dbt.publish("o4", live_pins=1)
    rows = cluster.b.rows(archived)
    with without_fetches_of(cluster.b, "snaps.archived"):
        assert dbt.run("run-operation", "reconcile_snapshots", live_pins=1).succeeded
        assert cluster.b.rows(archived) == rows != [(0,)]
    for _ in range(2):
        assert dbt.run("run-operation", "reconcile_snapshots", live_pins=1).succeeded
        synced(cluster)
        for node in (cluster.a, cluster.b):
            with pytest.raises(DatabaseError, match="this snapshot is archived"):
                node.rows(archived)
            assert bars(node, "o1") == 60
        mdw(cluster.b, "snapshot", "protect", "o1")
        assert "is protected" in mdw(cluster.a, "snapshot", "drop", "o1", "--yes", exit_code=2)
        synced(cluster)
        assert cluster.a.rows(archived) == cluster.b.rows(archived) != [(0,)]
        mdw(cluster.a, "snapshot", "unprotect", "o1")
    assert dbt.run("run-operation", "reconcile_snapshots").succeeded
    equal_on_both(cluster, "o1", "o4")


def test_a_dropped_snapshot_keeps_its_rows_while_a_node_still_shows_it(cluster: Cluster):
    before = readers.answer(cluster.b, readers.pinned("o2")["v_bars_at"])
    with without_fetches_of(cluster.b, "marts.snapshots"):
        cluster.b.command("system stop replication queues marts.snapshots")
        try:
            said = cluster.dbt(cluster.a).run(
                "run-operation", "drop_snapshots", "--args", "{ids: [o2]}", replica_wait_seconds=2
            )
            assert said.succeeded, said.text
            assert f"node {cluster.b.name} still shows a dropped snapshot" in said.text
            for table in ("marts.bars", "marts.snapshot_manifest"):
                cluster.b.command(f"system sync replica {table}")
            assert readers.answer(cluster.b, readers.pinned("o2")["v_bars_at"]) in (before, readers.BEHIND)
        finally:
            cluster.b.command("system start replication queues marts.snapshots")
    synced(cluster)
    # The deletion from the registry is a mutation: each node carries it out by itself.
    asked, deadline = readers.pinned("o2")["v_bars_at"], time.monotonic() + 60
    for node in (cluster.a, cluster.b):
        while readers.answer(node, asked) != readers.UNKNOWN and time.monotonic() < deadline:
            time.sleep(1)
        assert readers.answer(node, asked) == readers.UNKNOWN
    assert mdw(cluster.b, "snapshot", "drop", "o2", "--yes")
    assert mdw(cluster.a, "snapshot", "prune", "--older-than-days", "1", "--prefix", "o", "--yes")
    equal_on_both(cluster, "o1", "o3", "o4")


def test_a_node_that_lacks_evidence_alone_is_behind(cluster: Cluster):
    """Views of gaps and of condition read more than the marts: without it they would name fewer gaps and findings."""
    with without_fetches_of(cluster.b, *EVIDENCE):
        land_bars(cluster.a, FIRST + 70, 20)
        outcome = cluster.dbt(cluster.a).build("o5", replica_wait_seconds=2)
        assert outcome.succeeded, outcome.text
        assert f"node {cluster.b.name} is behind (lacks rows)" in outcome.text
        truth = {name: readers.answer(cluster.a, asked) for name, asked in _questions("o5").items()}
        assert readers.BEHIND not in truth.values()
        for name, asked in _questions("o5").items():
            assert readers.answer(cluster.b, asked) in (truth[name], readers.BEHIND), name
        for table in EVIDENCE:
            assert not serves(cluster.b, _newest(cluster))
            cluster.b.command(f"system start fetches {table}")
            cluster.b.command(f"system sync replica {table}")
            assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
    cluster.b.command("system sync replica ops.node_versions")
    assert serves(cluster.b, _newest(cluster))
    equal_on_both(cluster, "o5")


def test_no_reader_at_a_node_that_lags_or_was_paused_gets_fewer_rows(cluster: Cluster):
    old = {name: readers.answer(cluster.a, asked) for name, asked in _questions("o5").items()}
    with without_fetches(cluster.b):
        land_bars(cluster.a, FIRST + 90, 10)
        with cluster.a.client() as client:
            land_listing(client, START + timedelta(days=30), ("BTC/USDT", "HALT", "0.1"))
            land_funding(client, "BTC/USDT", [(32, "0.0002", "100")])
            land_fear_greed(client, [(3, "51")])
        assert cluster.dbt(cluster.a).build("o6", replica_wait_seconds=1).succeeded
        for name, asked in _questions("o6").items():
            assert readers.answer(cluster.b, asked) in (readers.BEHIND, readers.UNKNOWN), name
        for name, asked in readers.pinned("o5").items():
            assert readers.answer(cluster.b, asked) == old[f"{name} (o5)"], name
    synced(cluster)
    assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
    old = {name: readers.answer(cluster.a, asked) for name, asked in _questions("o6").items()}
    cluster.control("pause", "b")
    try:
        land_bars(cluster.a, FIRST + 100, 10)
        assert cluster.dbt(cluster.a).build("o7", replica_wait_seconds=1).succeeded
    finally:
        cluster.control("resume", "b")
    # At once, while the node replicates: by name or whole, older or newer, and never a part.
    news = {name: readers.answer(cluster.a, asked) for name, asked in _questions("o7").items()}
    resumed, heard = time.monotonic(), False
    while not heard and time.monotonic() < resumed + 30:
        heard = readers.answer(cluster.b, readers.pinned("o7")["v_bars_at"]) != readers.UNKNOWN
        found = readers.answer(cluster.b, readers.pinned("o7")["v_bars"])
        # A node that has not even heard of the snapshot has no member of v_* with that name (docs/cluster.md).
        assert found in (readers.BEHIND, readers.CUT_OFF, news["v_bars (o7)"]) or (not heard and found == [(0, 0)])
    print(f"heard of the snapshot {time.monotonic() - resumed:.2f} s after it was resumed")  # noqa: T201
    assert heard
    for name, asked in _questions("o7").items():
        found = readers.answer(cluster.b, asked)
        assert found in (readers.BEHIND, readers.UNKNOWN, news[name], old.get(name)), (name, found)
    synced(cluster)
    assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
    equal_on_both(cluster, "o6", "o7")


def test_doctor_names_what_differs(cluster: Cluster):
    def compared() -> str:
        findings = {one.check: one for one in check_database(cluster.a.settings)}
        found = findings.get("nodes compared") or findings["cluster"]
        return f"{found.state}: {found.says}"

    said = compared()
    assert said.startswith("ok"), said
    a, b = cluster.a.name, cluster.b.name
    created = "select create_table_query from system.tables where name = 'fear_greed' and database = 'marts'"
    ddl = cluster.b.rows(created)
    with without_fetches_of(cluster.b, "ops.landings"):
        cluster.a.command("insert into ops.landings (seconds) values (1)")
        cluster.b.command("drop table marts.v_bars_latest")
        cluster.b.command("drop table marts.fear_greed sync")
        said = compared()
        assert f"marts.fear_greed is not on {b}" in said
        assert f"marts.v_bars_latest is not on {b}" in said
        assert "ops.landings differs in rows" in said
        cluster.b.command("create table marts.fear_greed (date Date) engine = MergeTree order by date")
        said = compared()
        assert f"marts.fear_greed differs in engine ({a}: ReplicatedReplacingMergeTree, {b}: MergeTree)" in said
        cluster.b.command("drop table marts.fear_greed sync")
    assert "marts.fear_greed" in mdw(cluster.b, "cluster", "add-node", "--json")
    assert cluster.b.rows(created) == ddl
    # Its rows of that table were gone, so the node is compared again before it serves.
    assert readers.answer(cluster.b, readers.pinned("o7")["v_bars_at"]) == readers.BEHIND
    synced(cluster)
    assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
    deadline = time.monotonic() + 30
    while not compared().startswith("ok") and time.monotonic() < deadline:
        time.sleep(1)
    assert compared().startswith("ok")


def test_an_export_from_one_node_is_imported_into_an_empty_cluster(cluster: Cluster, home: Path):
    synced(cluster)
    wanted: dict[str, Any] = {
        name: readers.answer(cluster.b, asked)
        for name, asked in readers.pinned("o7").items()
        if name.removesuffix("_at") in ("v_bars", "v_funding", "v_instruments", "v_fear_greed")
    }
    mdw(cluster.b, "snapshot", "export", "o7", "--to", str(home))
    for database in ("raw", "staging", "marts", "snaps", "ops"):
        cluster.a.command(f"drop database if exists {database} on cluster `{NAME}` sync")
    migrate(cluster.b.settings)
    mdw(cluster.b, "snapshot", "import", "--from", str(home), "o7")
    assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
    equal_on_both(cluster, "o7")
    for node in (cluster.a, cluster.b):
        for name, answer in wanted.items():
            assert readers.answer(node, readers.pinned("o7")[name])[0][0] == answer[0][0], name
    # The next build goes on from there, at the other node.
    land_bars(cluster.a, FIRST + 200, 10)
    cluster.dbt(cluster.a).publish("o8")
    equal_on_both(cluster, "o7", "o8")
