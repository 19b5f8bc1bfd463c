"""The whole pipeline in one object: replayed exchanges, landing, ClickHouse, dbt, and the expected data."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from dlt_pipelines import backfill
from dlt_pipelines.core.progress import LandingReport, Progress
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.universe import load
from mdw.publishing import snapshot_build
from replay.faults import Faults
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.ingest import settings_for
from tests.reliability.job import NOW, Job
from warehouse import embedded
from warehouse.project import PROJECT
from warehouse.settings import Settings

Row = tuple[int, float, float, float, float, float]
Moment = Callable[[], bool]
_NODE = rb"\d+ of \d+ START "


@dataclass
class Line:
    """Everything that a case may break. `pins` are the fingerprints of the snapshots published so far."""

    warehouse: Warehouse
    server: ReplayServer
    market: SyntheticMarket
    ballast: Path | None
    pins: dict[str, tuple[object, ...]] = field(default_factory=dict)
    broken: dict[str, BaseException] = field(default_factory=dict)
    """Cases that did not come as far as the views, with the reason."""

    @property
    def settings(self) -> Settings:
        return settings_for(self.server, self.warehouse.settings.home, now=NOW)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.server.environment,
            "MDW_HOME": str(self.warehouse.settings.home),
            "MDW_NOW": NOW.isoformat(),
        }

    def plan(self, job: Job, settings: Settings | None = None, pace: float | None = None) -> Plan:
        settings = settings or self.settings
        universe = load(settings.universe)
        return backfill.plan(settings, universe, job.selection, job.start, job.end, pace=pace, lane=job.lane)

    def land(self, job: Job, progress: Progress | None = None) -> LandingReport:
        return backfill.run(self.plan(job), progress, pace=None)

    def heal(self) -> None:
        """Undo the fault, as an operator would before the next run."""
        self.server.faults = Faults()
        for ban in (self.warehouse.settings.home / "limits").glob("*/banned_until"):
            ban.unlink()
        if not embedded.status(self.warehouse.settings).running:
            embedded.up(self.warehouse.settings)

    def one_more_run(self, job: Job) -> None:
        """It lands everything that is missing: the next run has nothing to request, and nothing is left behind."""
        report = self.land(job)
        assert report.complete, report.failures
        again = self.plan(job)
        assert (again.requests, again.files) == ([], []), "the run after the healthy one still finds something missing"
        assert list((self.settings.home / "dlt").iterdir()) == []

    def publish(self, snapshot: str) -> None:
        """Build and publish; every older snapshot must still return the same rows."""
        result = snapshot_build.build(self.settings, snapshot)
        assert result.published, (result.failures, result.notices)
        self.assert_pins_unchanged()
        self.pins[snapshot] = self.fingerprint(snapshot)

    def assert_pins_unchanged(self) -> None:
        for snapshot, before in self.pins.items():
            assert self.fingerprint(snapshot) == before, f"snapshot {snapshot} reads differently now"

    def fingerprint(self, snapshot: str) -> tuple[object, ...]:
        (row,) = self.warehouse.rows(
            "select count(), sum(cityHash64(instrument_id, timeframe, open_time, open, high, low, close, volume))"
            " from marts.v_bars_at(snapshot_id = {id:String})",
            id=snapshot,
        )
        return row

    def assert_whole_files(self) -> None:
        """A file is in raw with all its parts or not at all, whatever happened during landing."""
        halves = self.warehouse.rows(
            "select file_path, fetched_at, uniqExact(part), any(parts) from merge('raw', '__archive_')"
            " group by file_path, fetched_at having uniqExact(part) != any(parts)"
        )
        assert halves == []

    def assert_true(self, snapshot: str, job: Job) -> None:
        """The views equal the market: no gap, no duplicate, no wrong value."""
        for venue in job.venues:
            for symbol in job.symbols:
                seen = self.warehouse.rows(
                    "select toUnixTimestamp64Milli(open_time), open, high, low, close, volume"
                    " from marts.v_bars_at(snapshot_id = {id:String}) where instrument_id = {instrument:String}"
                    " and timeframe = '1m' and open_time >= fromUnixTimestamp64Milli({start:Int64})"
                    " and open_time < fromUnixTimestamp64Milli({end:Int64}) order by open_time",
                    id=snapshot,
                    instrument=f"{venue}:spot:{symbol}",
                    start=job.milliseconds[0],
                    end=job.milliseconds[1],
                )
                # As counts, because pytest would take minutes to compare the lists.
                equal = seen == (true := self.truth(venue, symbol, job))
                assert equal, f"{venue} {symbol} from {job.start}: {_difference(seen, true)}"

    def truth(self, venue: str, symbol: str, job: Job) -> list[Row]:
        bars = self.market.bars(venue, "spot", symbol, "1m", *job.milliseconds)
        assert bars
        return [
            (b.open_time, float(b.open), float(b.high), float(b.low), float(b.close), float(b.volume or "nan"))
            for b in bars
        ]

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A command of mdw in its own process group."""
        return subprocess.Popen(
            [sys.executable, "-m", "mdw", *command],
            env=self.environment,
            cwd=PROJECT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def requests(self, number: int) -> Moment:
        """The exchanges received this many requests since the call."""
        before = self.server.journal.counts.total()
        return lambda: self.server.journal.counts.total() >= before + number

    def nodes(self, number: int) -> Moment:
        """The next dbt run has started this many models, tests and hooks."""
        return self._next_log(_NODE, number)

    def node_starts(self, node: str) -> Moment:
        """The next dbt run has started to build that mart."""
        return self._next_log(rf"START [^\n]*`marts`\.`{node}` ".encode(), 1)

    @property
    def nodes_begun(self) -> int:
        """Models, tests and hooks that the last dbt run has started."""
        return len(re.findall(_NODE, self._log.read_bytes()))

    @property
    def _log(self) -> Path:
        return self.settings.home / "dbt" / "logs" / "dbt.log"

    def _next_log(self, pattern: bytes, number: int) -> Moment:
        """This many lines of a new log: the old one may be rotated meanwhile."""
        self._log.unlink(missing_ok=True)
        found = place = 0

        def happened() -> bool:
            nonlocal found, place
            if self._log.exists():
                with self._log.open("rb") as file:
                    file.seek(place)
                    lines = file.read().rpartition(b"\n")[0]
                place += len(lines)
                found += len(re.findall(pattern, lines))
            return found >= number

        return happened

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No space left where the warehouse and its pipelines write, even if merges free some."""
        assert self.ballast is not None
        over = threading.Event()
        with self.ballast.open("wb", buffering=0) as file:
            _fill(file)
            filler = threading.Thread(target=_keep_full, args=(file, over))
            filler.start()
            try:
                yield
            finally:
                over.set()
                filler.join()
                self.ballast.unlink()


def wait_for(happened: Moment, run: subprocess.Popen[bytes], seconds: float = 900) -> bool:
    """Whether it happened during the run."""
    until = time.monotonic() + seconds
    while run.poll() is None and time.monotonic() < until:
        if happened():
            return True
        time.sleep(0.02)
    return False


def _fill(file: FileIO) -> None:
    with suppress(OSError):
        while True:
            file.write(bytes(1 << 20))


def _keep_full(file: FileIO, over: threading.Event) -> None:
    while not over.wait(0.005):
        _fill(file)


def _difference(seen: list[tuple[Any, ...]], true: list[Row]) -> str:
    times, wanted = [row[0] for row in seen], {row[0] for row in true}
    return (
        f"{len(wanted - set(times))} bars missing, {len(set(times) - wanted)} too many, "
        f"{len(times) - len(set(times))} doubles, {len(set(seen) - set(true))} with other values"
    )
