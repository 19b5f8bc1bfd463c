"""What happens to a landing, as data. `quick` ones run in `make test`, all of them in `make soak`."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from dlt_pipelines import backfill
from dlt_pipelines.landing import Landing
from dlt_pipelines.progress import Silent
from dlt_pipelines.running import land
from replay.faults import Faults
from tests.reliability.harness import NOW, Line, Window
from tests.reliability.proxy import CutAfterInsert
from warehouse import embedded
from warehouse.errors import WorldError

Trouble = Callable[[Line, Window], None]


@dataclass(frozen=True)
class Case:
    """`trouble` lands the window as well as it can; one healthy run follows."""

    name: str
    trouble: Trouble
    quick: bool = False
    needs_small_disk: bool = False


def faulty(line: Line, window: Window, kinds: tuple[str, ...], rate: float, seed: int) -> None:
    line.server.faults = Faults(rate=rate, kinds=kinds, seed=seed, retry_after_seconds=0, slow_seconds=0.2)
    line.land(window)


def no_such_name(line: Line, window: Window) -> None:
    settings = line.settings.model_copy(update={"okx_url": "http://no-such-host.invalid/okx"})
    report = backfill.run(line.plan(window, settings, pace=1.0))
    assert {failure.kind for failure in report.failures} == {"no_connection"}


def clock_wrong(line: Line, window: Window, hours: int) -> None:
    wrong = line.settings.model_copy(update={"now": NOW + timedelta(hours=hours)})
    assert backfill.run(line.plan(window, wrong), pace=None).complete


def answer_lost(line: Line, window: Window) -> None:
    plan = line.plan(window)
    connection = plan.settings.connection("ingest")
    with CutAfterInsert(connection.http_port) as wire:
        through = replace(connection, http_port=wire.port)
        with Landing(through, plan.settings.home) as landing:
            assert asyncio.run(land(plan, landing, Silent(), None)).complete
        assert wire.done == wire.cuts


def server_restarts(line: Line, window: Window) -> None:
    class PowerCut(Silent):
        cut = False

        def fetched(self, page: object) -> None:
            if not self.cut:
                self.cut = True
                line.warehouse.kill()
                threading.Timer(1, embedded.up, (line.warehouse.settings,)).start()

    assert line.land(window, PowerCut()).complete


def disk_full(line: Line, window: Window) -> None:
    plan = line.plan(window)
    with line.full_disk(), suppress(WorldError, OSError):
        backfill.run(plan, pace=None)


def two_at_once(line: Line, window: Window) -> None:
    plan = line.plan(window)
    other = threading.Thread(target=partial(backfill.run, plan, pace=None))
    other.start()
    backfill.run(plan, pace=None)
    other.join()


def killed(line: Line, window: Window, after: float) -> None:
    """A real process, killed a while after its first request: dlt's packages stay behind."""
    asked = line.server.journal.counts.total()
    run = line.start(
        *("backfill", "--dataset", "bars", "--market", "spot", "--timeframe", "1m"),
        *("--start", window.start.isoformat(), "--end", window.end.isoformat()),
    )
    until = time.monotonic() + 90
    while line.server.journal.counts.total() == asked and run.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(after)
    run.send_signal(signal.SIGKILL)
    run.wait()


KINDS = ("429", "5xx", "html", "cut", "reset", "slow", "error_200", "empty")
SHUT_OUT = ("418", "403", "451")
MIX = ("429", "5xx", "html", "cut", "reset", "slow", "error_200")

CASES = [
    Case("a fifth of everything", partial(faulty, kinds=MIX, rate=0.2, seed=1), quick=True),
    *(
        Case(f"{kind} at {rate:.0%}", partial(faulty, kinds=(kind,), rate=rate, seed=seed))
        for seed, kind in enumerate(KINDS)
        for rate in (0.05, 0.2)
    ),
    *(
        Case(
            f"{kind} at {rate:.0%}",
            partial(faulty, kinds=(kind,), rate=rate, seed=seed),
            quick=(kind, rate) == ("418", 0.2),
        )
        for seed, kind in enumerate(SHUT_OUT)
        for rate in (0.05, 0.2)
    ),
    Case("name not found", no_such_name, quick=True),
    Case("our clock an hour ahead", partial(clock_wrong, hours=1), quick=True),
    Case("our clock an hour behind", partial(clock_wrong, hours=-1)),
    Case("answers to inserts lost", answer_lost, quick=True),
    Case("ClickHouse restarts", server_restarts, quick=True),
    Case("disk full", disk_full, quick=True, needs_small_disk=True),
    Case("two at once", two_at_once, quick=True),
    *(
        Case(f"killed {after} s after its first request", partial(killed, after=after), quick=after == 0.4)
        for after in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
    ),
]
