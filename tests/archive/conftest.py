"""A desk to land archive files from: replayed archives on loopback, a real ClickHouse."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from dlt_pipelines import backfill
from dlt_pipelines.archive.choosing import Lane
from dlt_pipelines.plan import Plan
from dlt_pipelines.progress import LandingReport
from dlt_pipelines.selection import Selection
from dlt_pipelines.universe import Universe, load
from replay.archives.tricks import Trick
from replay.clock import Clock
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from warehouse.settings import Settings

# Saturday: December's monthly files are not out yet, the days up to January 2 are.
NOW = datetime(2025, 1, 4, 20, 0, 30, tzinfo=UTC)
FILES = (
    "select file_path, count(), any(parts), sum(row_count) from merge('raw', '__archive_') "
    "group by file_path order by 1"
)


@dataclass
class Desk:
    """What a person at the command line has; no limiter, as the exchanges are replayed."""

    warehouse: Warehouse
    server: ReplayServer
    market: SyntheticMarket
    settings: Settings
    universe: Universe

    def plan(
        self,
        start: datetime,
        end: datetime,
        lane: Lane = "auto",
        *,
        recheck: bool = False,
        **selection: tuple[str, ...],
    ) -> Plan:
        chosen = Selection(**selection)
        return backfill.plan(self.settings, self.universe, chosen, start, end, pace=None, lane=lane, recheck=recheck)

    def land(self, plan: Plan) -> LandingReport:
        return backfill.run(plan, pace=None)

    def backfill(
        self,
        start: datetime,
        end: datetime,
        lane: Lane = "archive",
        *,
        recheck: bool = False,
        **selection: tuple[str, ...],
    ) -> LandingReport:
        return self.land(self.plan(start, end, lane, recheck=recheck, **selection))

    def files(self) -> list[tuple[object, ...]]:
        """Path, rows in raw, parts that belong to the file, lines."""
        return self.warehouse.rows(FILES)

    def trick(self, *tricks: Trick) -> None:
        self.server.tricks = tricks

    def count(self, path: str) -> int:
        return sum(number for asked, number in self.server.journal.counts.items() if path in asked)


@pytest.fixture(scope="session")
def archive_market() -> SyntheticMarket:
    return SyntheticMarket(7)


@pytest.fixture(scope="session")
def archive_server(archive_market: SyntheticMarket) -> Iterator[ReplayServer]:
    with ReplayServer(archive_market, clock=Clock.fixed(NOW)) as server:
        yield server


@pytest.fixture(scope="module")
def world(module_warehouse: Warehouse, archive_server: ReplayServer, archive_market: SyntheticMarket) -> Desk:
    origins = {name.removeprefix("MDW_").lower(): url for name, url in archive_server.environment.items()}
    settings = Settings(home=module_warehouse.settings.home, now=NOW, **origins)
    return Desk(module_warehouse, archive_server, archive_market, settings, load(settings.universe))


@pytest.fixture
def desk(world: Desk) -> Desk:
    """Empty raw tables, sound files."""
    with world.warehouse.client() as client:
        names = client.query("select name from system.tables where database = 'raw' and not match(name, '___dlt')")
        for (name,) in names.result_rows:
            client.command(f"truncate table raw.`{name}`")
    world.trick()
    world.server.journal.clear()
    return world
