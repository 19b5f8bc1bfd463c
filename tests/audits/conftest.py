"""dbt on a real ClickHouse, as in tests/dbt; one build of all bad data for all modules here."""

from collections.abc import Iterator

import pytest

from tests.audits.bad_rows import CLOCK, sow_bars, sow_others, sow_sound, tamper
from tests.conftest import start_warehouse
from tests.dbt.conftest import Dbt, Outcome, dbt, module_dbt

__all__ = ["dbt", "module_dbt", "refused"]


@pytest.fixture(scope="session")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dbt, Outcome]]:
    """A valid snapshot `good`, then the outcome of a build of all bad data."""
    warehouse = start_warehouse(tmp_path_factory.mktemp("audits") / "mdw")
    built = Dbt(warehouse, tmp_path_factory.mktemp("target"))
    sow_sound(built)
    built.publish("good", **CLOCK)
    sow_bars(built)
    sow_others(built)
    tamper(built)
    yield built, built.build("bad", **CLOCK)
    warehouse.kill()
