"""Disaster recovery: filling an empty warehouse from an export, and continuing with it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from dlt_pipelines import backfill
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from mdw.publishing import snapshot_build
from replay.clock import Clock
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.alphaforge_data.published import END, SEED, SPOT_END, Published
from tests.conftest import Warehouse, start_warehouse
from tests.iceberg.conftest import Command, parquet_files, shown
from warehouse.iceberg.export import export
from warehouse.iceberg.target import Target
from warehouse.settings import Settings

pytestmark = pytest.mark.soak
DATASETS = ("bars", "funding", "instruments", "fear_greed")


@pytest.fixture(scope="module")
def exported(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`first`, then `second`, in one folder."""
    path = tmp_path_factory.mktemp("export") / "lake"
    for snapshot_id in ("first", "second"):
        export(published.warehouse.settings, snapshot_id, Target.parse(str(path)))
    return path


@pytest.fixture(scope="module")
def restored(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A new warehouse into which first a damaged export was imported, then the intact one."""
    running = start_warehouse(tmp_path_factory.mktemp("restored") / "mdw")
    try:
        mdw = Command(running, {})
        sound = _damage(exported)
        code, _, complained = mdw.run("snapshot", "import", "--from", str(exported))
        assert code == 1, complained
        assert "The export is damaged: 1 parts of bars differ" in complained
        assert "binance:perp:SOL/USDT 1h 2025-05" in complained
        assert "No snapshot" in mdw.run("snapshot", "list")[1]
        for path, content in sound.items():
            path.write_bytes(content)
        code, said, complained = mdw.run("snapshot", "import", "--from", str(exported))
        assert code == 0, complained
        assert "Snapshot second (data version 2) is restored" in said
        yield running
    finally:
        running.kill()


def _damage(lake: Path) -> dict[Path, bytes]:
    """Change one price of one bar in a file; returns the original content."""
    path = next(p for p in parquet_files(lake / "bars") if "2025-05" in str(p))
    before = path.read_bytes()
    table = pq.ParquetFile(path).read()
    row = pc.index(table["instrument_id"], "binance:perp:SOL/USDT").as_py()
    closes = table["close"].to_pylist()
    closes[row] += 0.01
    column = table.schema.get_field_index("close")
    pq.write_table(table.set_column(column, table.schema.field(column), pa.array(closes)), path)
    return {path: before}


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_pin_shows_what_it_showed(published: Published, restored: Warehouse, dataset: str):
    rows = shown(restored, dataset, "second")
    assert rows
    assert rows == shown(published.warehouse, dataset, "second")


def test_the_registry_has_the_same_content(published: Published, restored: Warehouse):
    content = "select snapshot_id, data_version, row_counts, content_hashes, code_revision from marts.v_snapshots"
    assert restored.rows(content) == published.warehouse.rows(f"{content} where snapshot_id = 'second'")


def test_importing_again_does_nothing(restored: Warehouse, exported: Path):
    answer = Command(restored, {}).json("snapshot", "import", "second", "--from", str(exported))
    assert answer["row_counts"] == {}
    assert "same content" in answer["notices"][0]


def test_a_warehouse_in_use_is_left_alone(restored: Warehouse, exported: Path):
    before = restored.rows("select count(), max(valid_from_version) from marts.bars")
    code, _, complained = Command(restored, {}).run("snapshot", "import", "first", "--from", str(exported))
    assert (code, "needs an empty one" in complained) == (2, True), complained
    assert restored.rows("select count(), max(valid_from_version) from marts.bars") == before


def test_nothing_to_import(restored: Warehouse, tmp_path: Path, exported: Path):
    mdw = Command(restored, {})
    code, _, complained = mdw.run("snapshot", "import", "--from", str(tmp_path / "absent"))
    assert (code, "There is no folder" in complained) == (2, True), complained
    code, _, complained = mdw.run("snapshot", "import", "third", "--from", str(exported))
    assert (code, "It has: second, first" in complained) == (2, True), complained


def test_later_builds_go_on_from_the_import(restored: Warehouse, published: Published):
    """Two hours of existing minutes and two of new ones: only the new ones are added."""
    hours = timedelta(hours=2)
    with ReplayServer(SyntheticMarket(SEED), clock=Clock.fixed(END + timedelta(seconds=30))) as server:
        origins: dict[str, Any] = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
        settings = Settings(
            home=restored.settings.home, clickhouse_url=None, now=END + timedelta(seconds=30), **origins
        )
        span = to_ms(SPOT_END - hours), to_ms(SPOT_END + hours)
        plan = backfill.make_plan(
            settings, {Series("bars", "binance", "spot", "BTC/USDT", "1m"): span}, refetch=False, pace=None
        )
        assert backfill.run(plan, pace=None).complete
    result = snapshot_build.build(settings, "third")
    assert result.published, result
    assert result.data_version == 3
    assert restored.rows("select count() from marts.bars where valid_from_version = 3") == [(120,)]
    assert restored.rows("select count() from marts.bars where valid_to_version != 4294967295") == [(0,)]
    assert shown(restored, "bars", "second") == shown(published.warehouse, "bars", "second")
    before = len(shown(restored, "bars", "second"))
    assert len(shown(restored, "bars", "third")) == before + 120


def test_damaged_rows_are_not_exported(restored: Warehouse, tmp_path: Path):
    with restored.client() as client:
        client.command(
            "alter table marts.bars update close = close + 0.01 where instrument_id = 'binance:perp:ETH/USDT' "
            "and toYYYYMM(open_time) = 202505 and open_time = (select min(open_time) from marts.bars where "
            "instrument_id = 'binance:perp:ETH/USDT') settings mutations_sync = 2"
        )
    code, _, complained = Command(restored, {}).run("snapshot", "export", "second", "--to", str(tmp_path / "lake"))
    assert code == 1
    assert "1 parts of bars no longer have the content" in complained
    assert "binance:perp:ETH/USDT 1h 2025-05" in complained
    assert parquet_files(tmp_path / "lake" / "bars") == set()
