"""A clone is a separate warehouse: the same data, and neither sees what the other writes."""

import json
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from mdw.cli import entry_point
from tests.conftest import Warehouse
from tests.dbt.conftest import Dbt, module_dbt  # noqa: F401
from tests.dbt.pages import START, kline, land_klines
from warehouse import embedded
from warehouse.embedded.clone import clone
from warehouse.embedded.state import read_state
from warehouse.errors import BadInput, OperationFailed
from warehouse.settings import Settings

DAY = timedelta(days=1)
INDEX = "select date, value from marts.fear_greed final order by date"
INSERT = (
    "insert into marts.fear_greed (date, value, classification, source, ingested_at, valid_from_version) "
    "values ('{}', {}, 'Greed', 'rest', now64(6, 'UTC'), 1)"
)


@pytest.fixture(scope="module")
def origin(module_dbt: Dbt) -> Dbt:  # noqa: F811
    """Pages, empty marts and one mart with a row: what a clone must contain, without the minute that a build takes."""
    land_klines(module_dbt.warehouse.client("ingest"), [kline(number) for number in range(5)], START + DAY)
    made = module_dbt.run("run-operation", "create_marts")
    assert made.succeeded, made.text
    transform = module_dbt.warehouse.client("transform")
    transform.command(INSERT.format("2025-01-01", 72))
    transform.command(
        "create view marts.v_index definer = transform sql security definer as select * from marts.fear_greed"
    )
    transform.command(
        "insert into ops.build_pages (mart, page_id, version, done) "
        "select 'bars', page_id, 1, 1 from raw.binance__spot_klines"
    )
    return module_dbt


def settings_of(home: Path) -> Settings:
    return Settings(home=home, clickhouse_url=None)


def test_two_warehouses_after_a_clone(origin: Dbt, tmp_path: Path) -> None:
    made = clone(origin.warehouse.settings, tmp_path / "deep" / "clone")
    assert made.linked
    other = Warehouse(settings_of(Path(made.home)))
    embedded.up(other.settings)
    try:
        assert other.rows(INDEX) == origin.warehouse.rows(INDEX)
        assert len(other.rows(INDEX)) == 1
        ours, theirs = read_state(origin.warehouse.settings.home), read_state(other.settings.home)
        assert {ours.http_port, ours.tcp_port}.isdisjoint({theirs.http_port, theirs.tcp_port})
        assert set(ours.passwords.values()).isdisjoint(theirs.passwords.values())
        assert other.client("researcher").command("select count() from marts.v_index") == 1
        # New rows, merges and a drop in the clone; other rows in the origin.
        other.client("transform").command(INSERT.format("2025-01-02", 40))
        land_klines(other.client("ingest"), [kline(5)], START + 2 * DAY)
        for table in ("raw.binance__spot_klines", "marts.fear_greed"):
            other.client().command(f"optimize table {table} final")
        other.client().command("drop table marts.instruments sync")
        origin.warehouse.client("transform").command(INSERT.format("2025-01-03", 10))
        assert [value for _, value in other.rows(INDEX)] == [72, 40]
        assert [value for _, value in origin.warehouse.rows(INDEX)] == [72, 10]
        pages = "select count() from raw.binance__spot_klines"
        assert (origin.warehouse.rows(pages), other.rows(pages)) == ([(1,)], [(2,)])
        assert origin.warehouse.rows("exists table marts.instruments") == [(1,)]
        for each in (origin.warehouse, other):
            whole = "check table marts.fear_greed settings check_query_single_value_result = 1"
            assert str(each.client().command(whole)) == "1"
        assert not list((origin.warehouse.settings.home / "clickhouse" / "data" / "shadow").glob("mdw_clone*"))
    finally:
        other.kill()
    # A clone of a stopped warehouse; on another file system it is copied.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as elsewhere:
        again = clone(other.settings, Path(elsewhere), raw_only=True)
        assert again.linked == (Path(elsewhere).stat().st_dev == tmp_path.stat().st_dev)
        bare = Warehouse(settings_of(Path(elsewhere)))
        embedded.up(bare.settings)
        try:
            assert bare.rows("select count() from raw.binance__spot_klines") == [(2,)]
            assert bare.rows("select count() from ops.build_pages") == [(0,)]
            assert bare.rows("select count() from system.tables where database in ('marts', 'snaps')") == [(0,)]
        finally:
            bare.kill()


def test_a_folder_in_use_a_running_build_and_a_full_disk_leave_nothing(
    origin: Dbt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = origin.warehouse.settings
    used = tmp_path / "used"
    used.mkdir()
    (used / "notes").write_text("mine")
    with pytest.raises(BadInput, match="exists and is not empty"):
        clone(settings, used)
    assert [file.name for file in used.iterdir()] == ["notes"]
    with pytest.raises(BadInput, match="belongs to the warehouse that is cloned"):
        clone(settings, settings.home / "clickhouse" / "data" / "inside")
    with pytest.raises(OperationFailed, match="no warehouse in"):
        clone(settings_of(tmp_path / "nowhere"), tmp_path / "clone")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "x")

    with monkeypatch.context() as patched:
        patched.setattr("warehouse.embedded.clone._place_part", full)
        with pytest.raises(OperationFailed, match="is full; nothing was left there"):
            clone(settings, tmp_path / "a" / "clone")
    transform = origin.warehouse.client("transform")
    build = "insert into ops.builds (version, invocation_id, state, owner) values (99, 'x', '{}', 'night run')"
    transform.command(build.format("running"))
    with pytest.raises(OperationFailed, match="Build 99 of night run is running"):
        clone(settings, tmp_path / "a" / "clone")
    transform.command(build.format("finished"))
    assert not (tmp_path / "a").exists()
    assert not list((settings.home / "clickhouse" / "data" / "shadow").glob("mdw_clone*"))


def test_the_command_explains_how_to_use_the_clone(
    origin: Dbt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mdw(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["mdw", "clone", *words])
        with pytest.raises(SystemExit) as ended:
            entry_point.main()
        return int(ended.value.code or 0)

    monkeypatch.setenv("MDW_HOME", str(origin.warehouse.settings.home))
    assert mdw(str(tmp_path / "one")) == 0
    assert f"export MDW_HOME={tmp_path}/one && mdw up" in capsys.readouterr().out
    assert mdw(str(tmp_path / "two"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["linked"] is True
    assert mdw(str(tmp_path / "two")) == 2
    monkeypatch.setenv("MDW_CLICKHOUSE_URL", "http://user:secret@localhost:1")
    assert mdw(str(tmp_path / "three")) == 2
    said = capsys.readouterr().err
    assert "BACKUP and RESTORE" in said
    assert "secret" not in said
