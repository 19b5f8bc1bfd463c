"""Faults of a landing, as data. `quick` ones run in `make test`, all of them in `make soak`."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from pydantic import SecretStr

from dlt_pipelines import backfill
from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.progress import Silent
from replay.faults import Faults
from tests.reliability.harness import Line, wait_for
from tests.reliability.job import NOW, Job
from tests.reliability.proxy import CutAfterInsert
from warehouse import embedded
from warehouse.errors import OperationFailed

Trouble = Callable[[Line, Job], None]


@dataclass(frozen=True)
class Case:
    """`trouble` lands the job under a fault; one healthy run follows."""

    name: str
    trouble: Trouble
    job: Job
    quick: bool = False
    needs_small_disk: bool = False


def faulty(line: Line, job: Job, kinds: tuple[str, ...], rate: float) -> None:
    before = line.server.journal.faults.total()
    line.server.faults = Faults(rate=rate, kinds=kinds, seed=SEED, retry_after_seconds=0, slow_seconds=0.2)
    line.land(job)
    assert line.server.journal.faults.total() > before, "no fault was drawn: the case proves nothing"


def no_such_name(line: Line, job: Job) -> None:
    settings = line.settings.model_copy(update={"okx_url": "http://no-such-host.invalid/okx"})
    report = backfill.run(line.plan(job, settings, pace=1.0))
    assert {failure.kind for failure in report.failures} == {"no_connection"}


def clock_wrong(line: Line, job: Job, hours: int) -> None:
    wrong = line.settings.model_copy(update={"now": NOW + timedelta(hours=hours)})
    assert backfill.run(line.plan(job, wrong), pace=None).complete


def answers_lost(line: Line, job: Job) -> None:
    direct = line.settings.connection("ingest")
    with CutAfterInsert(direct.http_port) as wire:
        url = f"http://{direct.user}:{direct.password}@127.0.0.1:{wire.port}/?native_port={direct.native_port}"
        settings = line.settings.model_copy(update={"clickhouse_url": SecretStr(url)})
        assert backfill.run(line.plan(job, settings), pace=None).complete
        assert wire.done == wire.cuts


def server_restarts(line: Line, job: Job) -> None:
    class PowerCut(Silent):
        cut = False

        def fetched(self, page: object) -> None:
            self._once()

        def finished_file(self, file: ArchiveFile, rows: int) -> None:
            self._once()

        def _once(self) -> None:
            if not self.cut:
                self.cut = True
                line.warehouse.kill()
                threading.Timer(1, embedded.up, (line.warehouse.settings,)).start()

    power = PowerCut()
    assert line.land(job, power).complete
    assert power.cut


def disk_full(line: Line, job: Job) -> None:
    plan = line.plan(job)
    with line.full_disk(), pytest.raises(OperationFailed, match=r"(?i)no space|not enough space"):
        backfill.run(plan, pace=None)


def two_at_once(line: Line, job: Job) -> None:
    plan = line.plan(job)
    other = threading.Thread(target=partial(backfill.run, plan, pace=None))
    other.start()
    backfill.run(plan, pace=None)
    other.join()


def killed(line: Line, job: Job, after: float) -> None:
    """A real process, killed a while after its first request, leaving dlt's packages behind."""
    first = line.requests(1)
    run = line.start(*job.command)
    assert wait_for(first, run)
    time.sleep(after)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    line.assert_whole_files()


# Its first draws contain faults even at 5 %; `faulty` ensures that.
SEED = 2
KINDS = ("429", "5xx", "html", "cut", "reset", "slow", "error_200", "empty")
SHUT_OUT = ("418", "403", "451")
MIX = ("429", "5xx", "html", "cut", "reset", "slow", "error_200")


def _cases() -> Iterator[Case]:
    hours, files, mixed = (map(make, count()) for make in (Job.hours, Job.files, Job.mixed))
    lanes = (("REST", hours), ("archive", files), ("both lanes", mixed))
    for lane, jobs in lanes:
        mix = partial(faulty, kinds=MIX, rate=0.2)
        yield Case(f"a fifth of everything, {lane}", mix, next(jobs), quick=lane == "REST")
    for kind in KINDS + SHUT_OUT:
        for rate in (0.05, 0.2):
            trouble = partial(faulty, kinds=(kind,), rate=rate)
            yield Case(f"{kind} at {rate:.0%}", trouble, next(hours), quick=(kind, rate) == ("418", 0.2))
    yield Case("name not found", no_such_name, next(hours), quick=True)
    yield Case("our clock an hour ahead", partial(clock_wrong, hours=1), next(hours), quick=True)
    yield Case("our clock an hour behind", partial(clock_wrong, hours=-1), next(hours))
    for lane, jobs in lanes[:2]:
        quick = lane == "REST"
        yield Case(f"answers to inserts lost, {lane}", answers_lost, next(jobs), quick)
        yield Case(f"ClickHouse restarts, {lane}", server_restarts, next(jobs), quick)
        yield Case(f"disk full, {lane}", disk_full, next(jobs), quick, needs_small_disk=True)
        yield Case(f"two at once, {lane}", two_at_once, next(jobs), quick)
    for lane, jobs in lanes:
        for after in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6) if lane == "REST" else (0.0, 0.2, 0.8):
            quick = (lane, after) == ("REST", 0.4)
            yield Case(
                f"killed {after} s after its first request, {lane}", partial(killed, after=after), next(jobs), quick
            )


CASES = list(_cases())
