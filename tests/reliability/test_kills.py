"""kill -9 at random moments of landing (REST, archive, both lanes), building and publishing, and of ClickHouse itself.

MDW_SOAK_KILLS sets how many (50); the moments follow from the seed MDW_SOAK_SEED. They are counted in requests and in
dbt's nodes, not in seconds: the same ones are met on a busy machine.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle

import pytest

from mdw.publishing import snapshot_build
from tests.reliability.harness import Line, Moment, wait_for
from tests.reliability.job import Job
from warehouse.errors import OperationFailed

KILLS = int(os.environ.get("MDW_SOAK_KILLS", "50"))
SEED = int(os.environ.get("MDW_SOAK_SEED", "1"))
NODES = ("bars", "snapshot_manifest", "snapshots")

pytestmark = pytest.mark.soak


@dataclass
class Killer:
    """Kills commands of mdw; counts kills by stage, and those that hit a running process."""

    line: Line
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    tried: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    def landing(self, stage: str, job: Job) -> None:
        plan = self.line.plan(job)
        requests = len(plan.requests) + 2 * len(plan.files)
        self._kill(stage, self.line.requests(self.chance.randint(1, requests)), 0.5, *job.command)

    def build(self, snapshot: str, nodes: int) -> None:
        moment = self.line.nodes(self.chance.randint(1, nodes))
        self._kill("build", moment, 0.2, "build", "--snapshot-id", snapshot)

    def publication(self, snapshot: str) -> None:
        self._kill("publication", self.line.node_starts("snapshots"), 1.0, "build", "--snapshot-id", snapshot)

    def _kill(self, stage: str, moment: Moment, within: float, *command: str) -> None:
        """Within this many seconds."""
        run = self.line.start(*command)
        wait_for(moment, run)
        time.sleep(self.chance.random() * within)
        self.tried[stage] += 1
        self.met[stage] += run.poll() is None
        if self.chance.random() < 0.25:
            # Only mdw: what it started continues.
            run.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def landings() -> Iterator[tuple[str, Job]]:
    hours, files, mixed = (map(make, count()) for make in (Job.hours, Job.files, Job.mixed))
    for name in cycle(("REST", "archive", "REST", "REST", "both lanes", "REST")):
        yield name, next({"REST": hours, "archive": files, "both lanes": mixed}[name])


@pytest.mark.timeout(6 * 3600)
def test_kills_at_random_moments(line: Line) -> None:
    killer, work, jobs = Killer(line), landings(), [Job.hours(80)]
    line.land(jobs[0])
    line.publish("s0")
    nodes = line.nodes_begun

    for number in count(1):
        landed = [next(work) for _ in range(3)]
        for stage, job in landed:
            killer.landing(stage, job)
            line.assert_whole_files()
            line.one_more_run(job)
        snapshot = f"s{number}"
        killer.build(snapshot, nodes)
        line.assert_pins_unchanged()
        killer.publication(snapshot)
        line.publish(snapshot)
        older = killer.chance.choice(jobs)
        jobs += [job for _, job in landed]
        for job in (*jobs[-3:], older):
            line.assert_true(snapshot, job)
        print(f"kills that met a process at work: {dict(killer.met)} of {dict(killer.tried)}", flush=True)  # noqa: T201
        if killer.tried.total() >= KILLS:
            break
    for job in jobs:
        line.assert_true(snapshot, job)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("node", NODES)
def test_clickhouse_is_killed_while_dbt_builds(line: Line, node: str) -> None:
    job = Job.hours(81 + NODES.index(node))
    assert line.land(job).complete
    snapshot = f"cut-{node}"
    cut = threading.Thread(target=_cut_power, args=(line, line.node_starts(node)))
    cut.start()
    with suppress(OperationFailed):
        snapshot_build.build(line.settings, snapshot)
    cut.join()
    line.heal()
    line.assert_pins_unchanged()
    line.publish(snapshot)
    line.assert_true(snapshot, job)


def _cut_power(line: Line, begins: Moment) -> None:
    until = time.monotonic() + 900
    while not begins() and time.monotonic() < until:
        time.sleep(0.01)
    line.warehouse.kill()
