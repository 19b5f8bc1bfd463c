"""Nodes and Keeper killed or paused at random moments of landing, building and publishing.

MDW_SOAK_FAULTS sets how many (20); the moments follow from MDW_SOAK_SEED.
"""

import os
import random
import time
from typing import Any

import pytest

from tests.cluster.conftest import Cluster, Node
from tests.cluster.test_cluster import land_bars, serves

FAULTS = int(os.environ.get("MDW_SOAK_FAULTS", "20"))
SEED = int(os.environ.get("MDW_SOAK_SEED", "1"))
PINNED = "select count(), sum(cityHash64(* except data_version)) from marts.v_bars_at(snapshot_id = '{id}')"

pytestmark = pytest.mark.soak


def pinned(node: Node, snapshot_id: str) -> list[tuple[Any, ...]]:
    return node.rows(PINNED.format(id=snapshot_id))


def newest(node: Node) -> int:
    return int(str(node.command("select max(data_version) from marts.snapshots")))


def heal(cluster: Cluster) -> None:
    """Both nodes and Keeper are up, and both can write."""
    deadline = time.monotonic() + 120
    for node in (cluster.a, cluster.b):
        while time.monotonic() < deadline:
            try:
                if node.command("select count() from system.replicas where is_readonly") == 0:
                    break
            except Exception:
                pass
            time.sleep(1)


@pytest.mark.timeout(3 * 3600)
def test_faults_at_random_moments(cluster: Cluster):
    chance = random.Random(SEED)
    first = 10_000
    land_bars(cluster.a, first, 60)
    cluster.dbt(cluster.a).publish("f0")
    before, truth = pinned(cluster.a, "f0"), 60
    base = before[0][0]
    for number in range(1, FAULTS + 1):
        land_bars(cluster.a, first + truth, 10)
        truth += 10
        victim = chance.choice(("a", "b", "b", "zk"))
        how = chance.choice(("kill", "pause"))
        run = cluster.dbt(cluster.a).start("build", "--exclude-resource-type", "unit_test", snapshot_id=f"f{number}")
        time.sleep(chance.random() * 40)
        cluster.control(how, victim)
        try:
            time.sleep(chance.random() * 25)
        finally:
            cluster.control("start" if how == "kill" else "resume", victim)
        run.communicate(timeout=600)
        heal(cluster)
        # What a person does next: the same again, until it is published.
        outcome = cluster.dbt(cluster.a).build(f"f{number}")
        assert outcome.succeeded, (number, how, victim, outcome.text)
        deadline = time.monotonic() + 120
        while not serves(cluster.b, newest(cluster.a)) and time.monotonic() < deadline:
            assert cluster.dbt(cluster.a).run("run-operation", "check_nodes").succeeded
        cluster.b.command("system sync replica ops.node_versions")
        for node in (cluster.a, cluster.b):
            assert pinned(node, f"f{number}")[0][0] == base + truth - 60, (number, how, victim)
            assert pinned(node, "f0") == before, (number, how, victim)
