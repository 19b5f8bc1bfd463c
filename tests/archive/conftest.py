"""Replayed archives on loopback, a real ClickHouse."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from replay.clock import Clock
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.desk import Desk

# Saturday: December's monthly files are not out yet, the days up to January 2 are.
NOW = datetime(2025, 1, 4, 20, 0, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def archive_market() -> SyntheticMarket:
    return SyntheticMarket(7)


@pytest.fixture(scope="session")
def archive_server(archive_market: SyntheticMarket) -> Iterator[ReplayServer]:
    with ReplayServer(archive_market, clock=Clock.fixed(NOW)) as server:
        yield server


@pytest.fixture(scope="module")
def world(module_warehouse: Warehouse, archive_server: ReplayServer, archive_market: SyntheticMarket) -> Desk:
    return Desk.of(module_warehouse, archive_server, archive_market, now=NOW)


@pytest.fixture
def desk(world: Desk) -> Desk:
    """Empty raw tables, sound files."""
    world.clear()
    return world
