"""Every node of the cluster is lost, and restored from a backup as runbooks/cluster.md and runbooks/restore.md say.

Only a session of the embedded engine can run BACKUP and RESTORE, so node a is stopped for each, and a session works on
its data, with its configuration and as its replica.
"""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import readers
from tests.cluster.conftest import CONTROL, SESSIONS, Cluster, mdw
from tests.cluster.test_cluster import land_bars, serves
from tests.cluster.test_operations import equal_on_both, land_every_dataset, synced
from tests.infra.backups import machine, s3_with_a_bucket, session
from tests.infra.clickhouse_node import Node as Machine

pytestmark = pytest.mark.timeout(1800)
FIRST = 30_000


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    if not SESSIONS:
        pytest.skip("MDW_TEST_CLUSTER_SESSIONS is not set: nothing here can run BACKUP on the data of a node")
    with s3_with_a_bucket(monkeypatch) as client:
        yield client


@contextmanager
def scripts_at(node: str, folder: Path) -> Iterator[Machine]:
    """The scripts of that node's machine, while the node is stopped and a session has its data."""
    folder.mkdir()
    with session([*shlex.split(CONTROL), "session", node]) as (_, port):
        yield machine(folder / "machine", port, MDW_CLUSTER_NODES="a,b,keeper")


def test_a_cluster_that_lost_every_node_is_restored_from_a_backup(cluster: Cluster, s3: Any, tmp_path: Path):
    land_every_dataset(cluster, FIRST)
    cluster.dbt(cluster.a).publish("r1")
    land_bars(cluster.a, FIRST, 10, close="100.75")
    cluster.dbt(cluster.b).publish("r2")
    synced(cluster)
    asked = readers.pinned("r1") | {f"{name} (r2)": question for name, question in readers.pinned("r2").items()}
    wanted = {name: readers.answer(cluster.b, question) for name, question in asked.items()}
    version = int(str(cluster.a.command("select max(data_version) from marts.snapshots")))

    cluster.control("stop", "a")
    with scripts_at("a", tmp_path / "before") as scripts:
        done = scripts.run("backup")
        assert done.returncode == 0, done.stderr
        (name, kind) = scripts.run("restore", "list").stdout.split()
        assert kind == "full"
    cluster.control("kill", "b")
    for node in "ab":
        cluster.control("wipe", node)
    with scripts_at("a", tmp_path / "after") as scripts:
        done = scripts.run("restore", "all", name)
        # Keeper takes a lost node for active until its session has expired.
        deadline = time.monotonic() + 60
        while "was lost less than a minute ago, run this again" in done.stderr and time.monotonic() < deadline:
            time.sleep(2)
            done = scripts.run("restore", "all", name)
        assert done.returncode == 0, done.stdout + done.stderr
    for node in "ab":
        cluster.control("start", node)

    # Keeper takes the session's replica for active until its session has expired.
    readonly = "select count() from system.replicas where database = 'ops' and is_readonly"
    deadline = time.monotonic() + 60
    while cluster.a.rows(readonly) != [(0,)] and time.monotonic() < deadline:
        time.sleep(1)
    refused = cluster.dbt(cluster.a).build("r3")
    assert not refused.succeeded
    assert f"node {cluster.b.name} is up and has no tables" in refused.text
    assert "tables and views created" in mdw(cluster.b, "cluster", "add-node")
    deadline = time.monotonic() + 120
    while not serves(cluster.b, version) and time.monotonic() < deadline:
        assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
        cluster.b.command("system sync replica ops.node_versions")
    mdw(cluster.a, "migrate")
    equal_on_both(cluster, "r1", "r2")
    for one in (cluster.a, cluster.b):
        assert {name: readers.answer(one, question) for name, question in asked.items()} == wanted
    # The next build goes on from there, at the other node.
    land_bars(cluster.a, FIRST + 60, 10)
    cluster.dbt(cluster.b).publish("r3")
    equal_on_both(cluster, "r1", "r2", "r3")
