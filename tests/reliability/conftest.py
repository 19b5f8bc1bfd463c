"""One pipeline per module, with its home on a small separate disk if the machine allows one."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from replay.clock import Clock
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse, start_warehouse
from tests.reliability.harness import Line
from tests.reliability.job import NOW
from warehouse import embedded


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    home = tmp_path_factory.mktemp("line") / "mdw"
    home.mkdir()
    mounted = _mount(home)
    market = SyntheticMarket(7)
    try:
        warehouse = start_warehouse(home)
        with ReplayServer(market, clock=Clock.fixed(NOW)) as server:
            yield Line(warehouse, server, market, home / "ballast" if mounted else None)
        _stop(warehouse)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(home)], check=False)


def _mount(home: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=2000m", "tmpfs", str(home)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _stop(warehouse: Warehouse) -> None:
    if embedded.status(warehouse.settings).running:
        warehouse.kill()
