"""The whole line under one roof: replayed exchanges, landing, ClickHouse, dbt, and the truth to compare with."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dlt_pipelines import backfill
from dlt_pipelines.plan import Plan
from dlt_pipelines.progress import LandingReport, Progress
from dlt_pipelines.selection import Selection
from dlt_pipelines.universe import load
from mdw import building
from replay.faults import Faults
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.dlt_pipelines.conftest import settings_for
from warehouse import embedded
from warehouse.settings import PROJECT, Settings

NOW = datetime(2025, 3, 30, 18, 40, 30, tzinfo=UTC)
FIRST = datetime(2025, 3, 1, tzinfo=UTC)
HOURS = 8
VENUES = ("binance", "okx", "bybit")
SYMBOLS = ("BTC/USDT", "SOL/BTC")
Row = tuple[int, float, float, float, float, float]


@dataclass(frozen=True)
class Window:
    """The span of one case: no two cases share an instant, so each is judged by its own bars."""

    start: datetime
    end: datetime

    @classmethod
    def number(cls, number: int) -> "Window":
        start = FIRST + timedelta(hours=HOURS) * number
        return cls(start, start + timedelta(hours=HOURS))

    @property
    def milliseconds(self) -> tuple[int, int]:
        return int(self.start.timestamp() * 1000), int(self.end.timestamp() * 1000)


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

    def plan(self, window: Window, settings: Settings | None = None, pace: float | None = None) -> Plan:
        settings = settings or self.settings
        chosen = Selection(datasets=("bars",), markets=("spot",), symbols=SYMBOLS, timeframes=("1m",))
        return backfill.plan(settings, load(settings.universe), chosen, window.start, window.end, pace=pace)

    def land(self, window: Window, progress: Progress | None = None) -> LandingReport:
        return backfill.run(self.plan(window), progress, pace=None)

    def heal(self) -> None:
        """End whatever the case did, as an operator would before one more run."""
        self.server.faults = Faults()
        for ban in (self.warehouse.settings.home / "limits").glob("*/banned_until"):
            ban.unlink()
        if not embedded.status(self.warehouse.settings).running:
            embedded.up(self.warehouse.settings)

    def publish(self, snapshot: str) -> None:
        """Build and publish; every older snapshot must still read as it did."""
        result = building.build(self.settings, snapshot)
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

    def assert_true(self, snapshot: str, window: Window) -> None:
        """Views equal to the truth: no hole, no double, no other value."""
        for venue in VENUES:
            for symbol in SYMBOLS:
                seen = self.warehouse.rows(
                    "select toUnixTimestamp64Milli(open_time), open, high, low, close, volume"
                    " from marts.v_bars_at(snapshot_id = {id:String}) where instrument_id = {instrument:String}"
                    " and timeframe = '1m' and open_time >= fromUnixTimestamp64Milli({start:Int64})"
                    " and open_time < fromUnixTimestamp64Milli({end:Int64}) order by open_time",
                    id=snapshot,
                    instrument=f"{venue}:spot:{symbol}",
                    start=window.milliseconds[0],
                    end=window.milliseconds[1],
                )
                assert seen == self.truth(venue, symbol, window), (venue, symbol, window)

    def truth(self, venue: str, symbol: str, window: Window) -> list[Row]:
        bars = self.market.bars(venue, "spot", symbol, "1m", *window.milliseconds)
        assert bars
        return [(b.open_time, *map(float, (b.open, b.high, b.low, b.close, b.volume))) for b in bars]

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A command of mdw in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "mdw", *command],
            env=self.environment,
            cwd=PROJECT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No byte left where the warehouse and its pipelines write."""
        assert self.ballast is not None
        with self.ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
        try:
            yield
        finally:
            self.ballast.unlink()
