"""Airflow with a real warehouse and replayed exchanges; skipped if Airflow's environment is absent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from replay.process import ReplayProcess
from tests.conftest import Warehouse, start_warehouse
from tests.dags.airflow_home import BIN, Airflow
from tests.needs import missing

NOW = datetime(2025, 7, 1, 0, 20, 30, tzinfo=UTC)
START = datetime(2025, 6, 29, tzinfo=UTC)
SEED = 11
UNIVERSE = f"""\
version: 1
history: {{start: {START:%Y-%m-%dT%H:%M:%SZ}}}
timeframes: [1m, 1h]
bars:
  binance: {{spot: [BTC/USDT, ETH/USDT]}}
  okx: {{spot: [BTC/USDT]}}
funding:
  binance: {{perp: [BTC/USDT]}}
schedule: {{update: "*/20 * * * *", daily: "10 0 * * *"}}
"""


@pytest.fixture(scope="session")
def empty_airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Airflow without a database."""
    if not (BIN / "airflow").exists():
        missing("airflow", "no Airflow environment: `make airflow` builds it in .venv-airflow (needs Python 3.12)")
    return Airflow(tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="session")
def airflow(empty_airflow: Airflow) -> Airflow:
    empty_airflow.migrate()
    return empty_airflow


@pytest.fixture(scope="module")
def dag_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    running = start_warehouse(tmp_path_factory.mktemp("warehouse") / "mdw")
    yield running
    running.kill()


@pytest.fixture(scope="module")
def line(airflow: Airflow, dag_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Airflow whose tasks land from a replay at NOW into the warehouse."""
    universe: Path = tmp_path_factory.mktemp("universe") / "universe.yml"
    universe.write_text(UNIVERSE)
    arguments = ("--synthetic", "--seed", str(SEED), "--now", NOW.isoformat(), "--standing", "--delay-seconds", "0.05")
    with ReplayProcess(*arguments) as exchanges:
        yield Airflow(
            airflow.home,
            {
                **dag_warehouse.environment,
                **exchanges.environment,
                "MDW_NOW": NOW.isoformat(),
                "MDW_UNIVERSE": str(universe),
                "MDW_TEST_REPLAY": exchanges.url,
            },
        )
