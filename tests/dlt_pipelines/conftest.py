"""Replayed exchanges on loopback, a real ClickHouse."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from replay.clock import Clock
from replay.faults import Faults
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse, start_warehouse
from tests.ingest import Ingest
from warehouse import embedded

NOW = datetime(2025, 1, 28, 18, 40, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def synthetic() -> SyntheticMarket:
    return SyntheticMarket(7)


@pytest.fixture(scope="session")
def replay_server(synthetic: SyntheticMarket) -> Iterator[ReplayServer]:
    with ReplayServer(synthetic, clock=Clock.fixed(NOW)) as server:
        yield server


@pytest.fixture
def replayed(replay_server: ReplayServer) -> ReplayServer:
    """The exchanges, healthy and at NOW."""
    replay_server.faults = Faults()
    replay_server.clock.set(int(NOW.timestamp() * 1000), ticking=False)
    replay_server.journal.clear()
    return replay_server


@pytest.fixture(scope="session")
def ingest_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One server for all tests of this folder: each starts with empty raw tables."""
    running = start_warehouse(tmp_path_factory.mktemp("ingest") / "mdw")
    yield running
    if embedded.status(running.settings).running:
        running.kill()


@pytest.fixture
def ingest(ingest_warehouse: Warehouse, replayed: ReplayServer, synthetic: SyntheticMarket) -> Ingest:
    """Empty raw tables, healthy exchanges."""
    ingest = Ingest.of(ingest_warehouse, replayed, synthetic)
    ingest.clear()
    return ingest
