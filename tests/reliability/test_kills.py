"""kill -9 at random moments of landing (REST, archive, both lanes), building and publishing, and of ClickHouse itself.

MDW_SOAK_KILLS sets how many (50); the moments follow from the seed MDW_SOAK_SEED.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle

import pytest

from mdw import building
from tests.reliability.harness import Line, wait_for
from tests.reliability.job import Job
from warehouse.errors import WorldError

pytestmark = pytest.mark.soak

KILLS = int(os.environ.get("MDW_SOAK_KILLS", "50"))
SEED = int(os.environ.get("MDW_SOAK_SEED", "1"))


@dataclass
class Killer:
    """Kills commands of mdw a random while after something happened."""

    line: Line
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    seconds: dict[str, float] = field(default_factory=dict)
    """How long the stage took, from what it waits for to its end, when nobody killed it."""
    tried: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    """Kills that met a process at work."""

    def measure(self, stage: str, begins: Callable[[], bool], *command: str) -> None:
        run = self.line.start(*command)
        assert wait_for(begins, run)
        began = time.monotonic()
        assert run.wait() == 0
        self.seconds[stage] = time.monotonic() - began

    def kill(self, stage: str, begins: Callable[[], bool], *command: str) -> None:
        run = self.line.start(*command)
        wait_for(begins, run)
        with suppress(subprocess.TimeoutExpired):
            run.wait(self.chance.random() * self.seconds[stage])
        self.tried[stage] += 1
        if run.poll() is not None:
            return
        self.met[stage] += 1
        if self.chance.random() < 0.75:
            os.killpg(run.pid, signal.SIGKILL)
        else:
            # mdw alone: what it started goes on.
            run.kill()
        run.wait()

    def total(self) -> int:
        return self.tried.total()


def landings() -> Iterator[tuple[str, Job]]:
    """REST, REST, archive, REST, REST, both lanes, and so on."""
    hours, files, mixed = (map(make, count()) for make in (Job.hours, Job.files, Job.mixed))
    for name in cycle(("REST", "REST", "archive", "REST", "REST", "both lanes")):
        yield name, next({"REST": hours, "archive": files, "both lanes": mixed}[name])


@pytest.mark.timeout(6 * 3600)
def test_kills_at_random_moments(line: Line) -> None:
    killer = Killer(line)
    jobs: list[Job] = []
    work = landings()
    for name, job in [next(work) for _ in range(6)]:
        if name in killer.seconds:
            continue
        killer.measure(name, line.first_request(), *job.command)
        jobs.append(job)
    killer.measure("build", lambda: True, "build", "--snapshot-id", "s0")
    line.pins["s0"] = line.fingerprint("s0")
    line.land(next(work)[1])
    killer.measure("publication", line.node_starts("snapshots"), "build", "--snapshot-id", "s1")
    line.pins["s1"] = line.fingerprint("s1")

    for number in count(2):
        landed = [next(work) for _ in range(3)]
        for name, job in landed:
            killer.kill(name, line.first_request(), *job.command)
            line.assert_whole_files()
            line.one_more_run(job)
        snapshot = f"s{number}"
        killer.kill("build", lambda: True, "build", "--snapshot-id", snapshot)
        line.assert_pins_unchanged()
        killer.kill("publication", line.node_starts("snapshots"), "build", "--snapshot-id", snapshot)
        line.publish(snapshot)
        older = killer.chance.choice(jobs)
        jobs += [job for _, job in landed]
        for job in (*(job for _, job in landed), older):
            line.assert_true(snapshot, job)
        if killer.total() >= KILLS:
            break
    for stage, tried in killer.tried.items():
        took = killer.seconds[stage]
        print(f"{stage}: {killer.met[stage]} of {tried} kills met a process at work ({took:.1f} s)")  # noqa: T201
    for job in jobs:
        line.assert_true(snapshot, job)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("node", ["bars", "snapshot_manifest", "snapshots"])
def test_clickhouse_is_killed_while_dbt_builds(line: Line, node: str) -> None:
    job = Job.hours(("bars", "snapshot_manifest", "snapshots").index(node) + 80)
    assert line.land(job).complete
    snapshot = f"cut-{node}"
    begins = line.node_starts(node)
    cut = threading.Thread(target=_cut_power, args=(line, begins))
    cut.start()
    with suppress(WorldError):
        building.build(line.settings, snapshot)
    cut.join()
    line.heal()
    line.assert_pins_unchanged()
    line.publish(snapshot)
    line.assert_true(snapshot, job)


def _cut_power(line: Line, begins: Callable[[], bool]) -> None:
    until = time.monotonic() + 600
    while not begins() and time.monotonic() < until:
        time.sleep(0.01)
    line.warehouse.kill()
