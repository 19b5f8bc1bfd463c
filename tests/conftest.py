"""Fixtures that all tests share: a real ClickHouse, migrated, and the folder of recorded market data."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from clickhouse_connect.driver.client import Client
from xdist.scheduler import LoadFileScheduling

from mdw.publishing import dbt
from tests import templates
from tests.needs import missing
from warehouse import embedded
from warehouse.client import connect
from warehouse.embedded.state import read_state
from warehouse.migrate import migrate
from warehouse.project import PROJECT
from warehouse.settings import Role, Settings


@dataclass
class Warehouse:
    """A running embedded server for one test. `environment` makes any command use it."""

    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        return {"MDW_HOME": str(self.settings.home)}

    def client(self, role: Role = "admin") -> Client:
        return connect(self.settings, role)

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self.client() as client:
            return [tuple(row) for row in client.query(query, parameters=parameters).result_rows]

    def kill(self) -> None:
        """As in a power failure."""
        process = psutil.Process(read_state(self.settings.home).pid)
        process.kill()
        process.wait(10)


# Every server that a fixture started, so that a server is stopped even if its fixture failed later.
_STARTED: list[Warehouse] = []


def start_warehouse(home: Path) -> Warehouse:
    """A new, migrated warehouse; tests of the migrations themselves start their servers without it."""
    settings = Settings(home=home, clickhouse_url=None)
    for earlier in _STARTED:
        templates.keep_parsed(dbt.target(earlier.settings), partial(dbt.environment, earlier.settings))
    warehouse = Warehouse(settings)
    _STARTED.append(warehouse)
    templates.migrated(home)
    embedded.up(settings)
    try:
        migrate(settings)
        templates.place_parsed(dbt.target(settings), settings.connection("transform").http_port)
    except BaseException:
        warehouse.kill()
        raise
    return warehouse


def pytest_sessionfinish() -> None:
    for warehouse in _STARTED:
        if embedded.status(warehouse.settings).running:
            warehouse.kill()
    templates.remove()


# Folders whose tests read one warehouse that takes minutes to build: one process runs them all.
_TOGETHER = {"alphaforge_data": "published", "backtest": "published", "iceberg": "published"}
_TOGETHER |= {name: name for name in ("audits", "reports", "dags")}


class _ByWarehouse(LoadFileScheduling):
    """With several processes, the tests of a file stay together, and so do those of some folders."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return _TOGETHER.get(file.removeprefix("tests/").split("/")[0], file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByWarehouse:
    # xdist's own groups (`--dist loadgroup`) have no effect with pytest 9: they change an attribute that it dropped.
    return _ByWarehouse(config, log)


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """A developer's own MDW_* variables must not reach the tests."""
    kept = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name.startswith("MDW_") and name != "MDW_TEST_MARKET_DATA"
    }
    os.environ["DO_NOT_TRACK"] = "1"
    yield
    os.environ.update(kept)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty, migrated warehouse for one test."""
    running = start_warehouse(tmp_path / "mdw")
    yield running
    if embedded.status(running.settings).running:
        running.kill()


@pytest.fixture(scope="module")
def module_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """An empty, migrated warehouse that the tests of one module share."""
    running = start_warehouse(tmp_path_factory.mktemp("warehouse") / "mdw")
    yield running
    if embedded.status(running.settings).running:
        running.kill()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real recordings; tests that need it are skipped if it is absent."""
    folder = Path(os.environ.get("MDW_TEST_MARKET_DATA", PROJECT.parent / "shared" / "market_data"))
    if not (folder / "PROVENANCE.md").exists():
        missing(
            "recordings", f"no recorded market data in {folder}: set MDW_TEST_MARKET_DATA to the folder that holds it"
        )
    return folder
