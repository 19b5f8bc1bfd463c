"""A pinned snapshot of the recordings, and the environments in which the libraries are installed (`make adapters`)."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dlt_pipelines import backfill
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from mdw.publishing import snapshot_build
from replay.clock import Clock
from replay.recordings import RecordedMarket
from replay.server import ReplayServer
from tests.conftest import Warehouse, start_warehouse
from warehouse.project import PROJECT
from warehouse.settings import Settings

NOW = datetime(2026, 3, 20, tzinfo=UTC)
SPOT = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 15, tzinfo=UTC)
PERP = datetime(2026, 1, 13, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
Run = Callable[..., dict[str, Any]]
# Read on import: the tests' own environment has no MDW_* variables.
EARLIER = os.environ.get("MDW_TEST_ADAPTERS_HOME")


def _land(home: Path, market_data: Path) -> Settings:
    spot, perp = (tuple(map(to_ms, window)) for window in (SPOT, PERP))
    spans: dict[Series, Any] = {
        Series("bars", "binance", "spot", "BTC/USDT", "1m"): spot,
        Series("bars", "binance", "spot", "ETH/USDT", "1m"): spot,
        Series("bars", "binance", "spot", "BTC/USDT", "1h"): spot,
        Series("bars", "binance", "perp", "BTC/USDT", "1h"): perp,
        Series("funding", "binance", "perp", "BTC/USDT"): perp,
    }
    day = to_ms(NOW.replace(day=19)), to_ms(NOW)
    spans |= {Series("instruments", venue, market): day for venue in ("binance", "okx") for market in ("spot", "perp")}
    with ReplayServer(RecordedMarket(market_data), clock=Clock.fixed(NOW)) as server:
        origins: dict[str, Any] = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
        settings = Settings(home=home, clickhouse_url=None, now=NOW, **origins)
        report = backfill.run(backfill.make_plan(settings, spans, refetch=False, pace=None), pace=None)
    assert report.complete, report
    return settings


@pytest.fixture(scope="session")
def pinned(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse with the snapshot `pin`. MDW_TEST_ADAPTERS_HOME: one that an earlier run left, instead."""
    if EARLIER:
        yield Warehouse(Settings(home=Path(EARLIER), clickhouse_url=None))
        return
    home = tmp_path_factory.mktemp("adapters") / "mdw"
    running = start_warehouse(home)
    try:
        result = snapshot_build.build(_land(home, market_data), "pin")
        assert result.published, result
        yield running
    finally:
        running.kill()


@pytest.fixture
def run(pinned: Warehouse, tmp_path: Path) -> Run:
    """Run a program of tests/adapters/programs with an environment's Python; returns the JSON that it prints."""

    def started(environment: str, program: str, *arguments: str) -> dict[str, Any]:
        ended = subprocess.run(
            [str(python(environment)), str(PROJECT / "tests" / "adapters" / "programs" / program), *arguments],
            env={**os.environ, **pinned.environment, "PYTHONPATH": str(PROJECT), "MDW_CACHE": str(tmp_path / "cache")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, f"{ended.stdout[-4000:]}\n{ended.stderr[-6000:]}"
        found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
        return found

    return started


def python(environment: str) -> Path:
    """The Python of one of the environments; the test is skipped if `make adapters` has not created it."""
    path = PROJECT / f".venv-adapters-{environment}" / "bin" / "python"
    if not path.exists():
        pytest.skip(f"no {path.parent.parent.name} here: run `make adapters`")
    return path
