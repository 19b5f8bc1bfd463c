"""The two markets that a demo can replay."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import TIMEFRAMES, from_ms, to_ms
from dlt_pipelines.planning.universe import Universe
from replay.market import Coverage
from replay.process import ReplayProcess
from replay.recordings import RecordedMarket

# The same time on every machine, so that rows and digests are the same everywhere.
SYNTHETIC_NOW = datetime(2025, 7, 1, 0, 0, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """The window [start, end) to land of some series."""

    series: tuple[Series, ...]
    start: datetime
    end: datetime

    def spans(self) -> dict[Series, tuple[int, int | None]]:
        """Spans for a plan, in ms since 1970."""
        return {series: (to_ms(self.start), to_ms(self.end)) for series in self.series}


@dataclass(frozen=True)
class Synthetic:
    """A seeded market, labelled as synthetic wherever it is shown."""

    seed: int
    days: int

    @property
    def name(self) -> str:
        """Name for display and for the folder."""
        return f"synthetic-{self.seed}"

    @property
    def now(self) -> datetime:
        """The time of the replayed exchanges."""
        return SYNTHETIC_NOW

    @contextmanager
    def serve(self) -> Iterator[dict[str, str]]:
        """The MDW_* variables that send every request to the replay."""
        with ReplayProcess(
            "--synthetic", "--seed", str(self.seed), "--now", self.now.isoformat(), "--standing"
        ) as server:
            yield server.environment

    def windows(self, universe: Universe) -> list[Window]:
        """Everything in the universe, for the last days."""
        return [Window(tuple(universe.series()), self.now - timedelta(days=self.days), self.now)]


@dataclass(frozen=True)
class Recorded:
    """A folder of real recordings."""

    folder: Path

    @property
    def name(self) -> str:
        """Name for display and for the folder."""
        return "recordings"

    @cached_property
    def coverage(self) -> list[Coverage]:
        """What the recordings cover."""
        return list(RecordedMarket(self.folder).coverage())

    @property
    def now(self) -> datetime:
        """An hour after the newest record."""
        newest = max(part.last for part in self.coverage if part.last is not None)
        return (from_ms(newest) + timedelta(hours=2)).replace(minute=0, second=30)

    @contextmanager
    def serve(self) -> Iterator[dict[str, str]]:
        """The MDW_* variables that send every request to the replay."""
        # The recordings reach further back than OKX's own three months.
        now = ("--now", self.now.isoformat(), "--standing", "--okx-funding-days", "0")
        with ReplayProcess("--recordings", str(self.folder), *now) as server:
            yield server.environment

    def windows(self, universe: Universe) -> list[Window]:
        """Each recorded range of bars and funding of the universe; listings once."""
        wanted = set(universe.series())
        found = [Window(tuple(s for s in wanted if not s.windowed), self.now - timedelta(days=1), self.now)]
        for part in self.coverage:
            series = Series(part.dataset, part.venue, part.market or "", part.symbol or "", part.timeframe or "")
            if series in wanted and series.windowed and part.first is not None and part.last is not None:
                step = TIMEFRAMES.get(series.timeframe, 60_000)
                found.append(Window((series,), from_ms(part.first), from_ms(part.last + step)))
        return found
