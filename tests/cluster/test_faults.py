"""Nodes and Keeper killed or paused at random moments of landing, building and publishing.

MDW_SOAK_FAULTS sets how many (20); the moments follow from MDW_SOAK_SEED.
"""

import json
import os
import random
import threading
import time
from datetime import UTC, datetime

import pytest

from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.core.series import Series
from dlt_pipelines.rest.page_loader import PageLoader
from tests.audits.seeding import land_fear_greed, land_funding, land_listing
from tests.cluster import readers
from tests.cluster.conftest import NAME, Cluster, Node
from tests.cluster.test_cluster import SERIES, differences, serves
from tests.dbt.pages import MINUTE, START, kline, milliseconds
from warehouse.errors import OperationFailed

FAULTS = int(os.environ.get("MDW_SOAK_FAULTS", "20"))
SEED = int(os.environ.get("MDW_SOAK_SEED", "1"))
# Landing, build and publication take about as long as this on an idle machine.
SECONDS = float(os.environ.get("MDW_SOAK_SECONDS", "15"))
FIRST = 10_000

pytestmark = pytest.mark.soak


def land(node: Node, first: int, count: int) -> None:
    """A page of one-minute bars, `first` minutes after START, by the product's own landing."""
    start, end = (milliseconds(START + number * MINUTE) for number in (first, first + count))
    text = json.dumps([kline(number) for number in range(first, first + count)])
    venue, market, symbol, timeframe = SERIES
    series = Series("bars", venue, market, symbol, timeframe)
    now = datetime.now(UTC)
    page = Page(series, "spot_klines", "BTCUSDT", "/klines", {}, start, end, 200, now, None, count, text)
    with PageLoader(node.settings.connection("ingest"), node.settings.home, cluster=NAME) as landing:
        landing.load(venue, [page])


def bars(node: Node, snapshot_id: str) -> tuple[int, int]:
    """Rows and distinct minutes of what this file landed."""
    found = node.rows(
        "select count(), uniqExact(open_time) from marts.v_bars_at(snapshot_id = {id:String}) "
        "where open_time >= {since:DateTime64} and open_time < {until:DateTime64}",
        id=snapshot_id,
        since=START + FIRST * MINUTE,
        until=START + 2 * FIRST * MINUTE,
    )
    return int(str(found[0][0])), int(str(found[0][1]))


def pinned(node: Node, snapshot_id: str) -> dict[str, object]:
    return {name: readers.answer(node, asked) for name, asked in readers.pinned(snapshot_id).items()}


def newest(node: Node) -> int:
    return int(str(node.command("select max(data_version) from marts.snapshots")))


def heal(cluster: Cluster) -> None:
    """Both nodes and Keeper are up, and both can write."""
    deadline = time.monotonic() + 120
    for node in (cluster.a, cluster.b):
        while time.monotonic() < deadline:
            try:
                if node.command("select count() from system.replicas where is_readonly or is_session_expired") == 0:
                    break
            except Exception:
                pass
            time.sleep(1)


class Fault(threading.Thread):
    """Takes a victim away at a random moment, and gives it back after a while."""

    def __init__(self, cluster: Cluster, chance: random.Random):
        super().__init__()
        self.cluster = cluster
        self.victim = chance.choice(("a", "b", "b", "zk"))
        self.how = chance.choice(("kill", "pause"))
        self.moment, self.length = chance.random() * SECONDS, chance.random() * 25

    def __str__(self) -> str:
        return f"{self.how} {self.victim} after {self.moment:.1f} s for {self.length:.1f} s"

    def run(self) -> None:
        time.sleep(self.moment)
        self.cluster.control(self.how, self.victim)
        try:
            time.sleep(self.length)
        finally:
            self.cluster.control("start" if self.how == "kill" else "resume", self.victim)


@pytest.mark.timeout(3 * 3600)
def test_faults_at_random_moments(cluster: Cluster):
    if not cluster.can_stop_nodes:
        pytest.skip("MDW_TEST_CLUSTER_CONTROL is not set: nothing here can stop a node")
    chance = random.Random(SEED)
    dbt = cluster.dbt(cluster.a)
    land(cluster.a, FIRST, 60)
    with cluster.a.client() as client:
        land_listing(client, START, ("BTC/USDT", "TRADING", "0.01"))
        land_funding(client, "BTC/USDT", [(hour, "0.0001", "100") for hour in (0, 8, 16, 24)])
        land_fear_greed(client, [(day, "50") for day in range(3)])
    dbt.publish("f0")
    before, count = pinned(cluster.a, "f0"), 60
    for number in range(1, FAULTS + 1):
        name, fault = f"f{number}", Fault(cluster, chance)
        began = time.monotonic()
        fault.start()
        try:
            land(cluster.a, FIRST + count, 10)
            landed = True
        except OperationFailed:
            landed = False
        first = dbt.build(name)
        fault.join()
        heal(cluster)
        # What a person does next, and `mdw build` by itself: the same again, ending the claim of the dead build.
        if not landed:
            land(cluster.a, FIRST + count, 10)
        count += 10
        again = dbt.build(f"{name}b" if first.succeeded and not landed else name, break_claims_of="transform")
        assert again.succeeded, (str(fault), again.text)
        name = f"{name}b" if first.succeeded and not landed else name
        deadline = time.monotonic() + 120
        while not serves(cluster.b, newest(cluster.a)) and time.monotonic() < deadline:
            assert dbt.run("run-operation", "check_nodes").succeeded
        cluster.b.command("system sync replica ops.node_versions")
        for node in (cluster.a, cluster.b):
            assert bars(node, name) == (count, count), str(fault)
            assert pinned(node, "f0") == before, str(fault)
        assert pinned(cluster.a, name) == pinned(cluster.b, name), str(fault)
        assert differences(cluster.a) == [], str(fault)
        result = "completed" if first.succeeded else first.text.strip().splitlines()[-1][:120]
        print(f"{fault}: landed {landed}, build {result}; {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
