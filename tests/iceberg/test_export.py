"""The result of `mdw snapshot export`, and what ClickHouse reads back from it."""

import time
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import SqlCatalog
from typer.testing import CliRunner

from mdw.cli.entry_point import app
from tests.alphaforge_data.published import Published
from tests.iceberg.conftest import SECRET, Command, Lake, parquet_files, read_back, shown
from tests.iceberg.rest_catalog import rest_catalog
from warehouse.errors import BadInput, OperationFailed
from warehouse.iceberg.export import export
from warehouse.iceberg.target import Target

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

DATASETS = ("bars", "funding", "instruments", "fear_greed")


@pytest.fixture(scope="module")
def folder(published: Published) -> Lake:
    # The embedded server reads Iceberg tables only below its own folder.
    path = published.warehouse.settings.home / "clickhouse" / "lake"
    return Lake(str(path), f"icebergLocal('{path}/{{}}')")


@pytest.fixture(scope="module")
def first(mdw: Command, folder: Lake) -> dict[str, dict[str, object]]:
    answer = mdw.json("snapshot", "export", "first", "--to", folder.address)
    return {part["dataset"]: part for part in answer["parts"]}


@pytest.fixture(scope="module")
def files_of_first(first: object, folder: Lake) -> set[Path]:
    return parquet_files(Path(folder.address))


@pytest.fixture(scope="module")
def second(mdw: Command, folder: Lake, files_of_first: set[Path]) -> dict[str, dict[str, object]]:
    answer = mdw.json("snapshot", "export", "second", "--to", folder.address)
    return {part["dataset"]: part for part in answer["parts"]}


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_folder_reads_back_as_the_view(published: Published, first: object, folder: Lake, dataset: str):
    rows = read_back(published.warehouse, folder, dataset, "first")
    assert rows
    assert rows == shown(published.warehouse, dataset, "first")


def test_a_month_is_stored_in_separate_files(folder: Lake, first: object):
    found = {path.parent.name for path in parquet_files(Path(folder.address, "bars"))}
    assert found == {"open_time_month=2025-05", "open_time_month=2025-06"}


def test_the_same_again_does_nothing_and_says_so(mdw: Command, folder: Lake, files_of_first: set[Path]):
    code, said, _ = mdw.run("snapshot", "export", "first", "--to", folder.address)
    assert code == 0
    assert "nothing to do" in said
    assert parquet_files(Path(folder.address)) == files_of_first


def test_a_later_snapshot_writes_changed_months_only(
    first: dict[str, dict[str, object]], second: dict[str, dict[str, object]], folder: Lake, files_of_first: set[Path]
):
    # Hourly bars of June: one more day, and a revised day. Hourly bars of May and the minutes are unchanged.
    assert (second["bars"]["partitions_written"], second["bars"]["partitions_kept"]) == (1, 2)
    new = parquet_files(Path(folder.address)) - files_of_first
    assert {f"{p.parent.parent.name}/{p.parent.name}" for p in new if "bars" in p.parts} == {
        "timeframe=1h/open_time_month=2025-06"
    }
    for unchanged in ("instruments", "fear_greed"):
        assert second[unchanged]["files_written"] == 0
        assert second[unchanged]["iceberg_snapshot_id"] == first[unchanged]["iceberg_snapshot_id"]


@pytest.mark.parametrize("snapshot_id", ["first", "second"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_both_pins_read_back_after_the_table_moved_on(
    published: Published, second: object, folder: Lake, dataset: str, snapshot_id: str
):
    assert read_back(published.warehouse, folder, dataset, snapshot_id) == shown(
        published.warehouse, dataset, snapshot_id
    )


def test_the_pins_differ_where_the_market_was_revised(published: Published, second: object, folder: Lake):
    before = read_back(published.warehouse, folder, "bars", "first")
    after = read_back(published.warehouse, folder, "bars", "second")
    assert {row[2:] for row in before} - {row[2:] for row in after}


def test_iceberg_knows_our_names(folder: Lake, second: dict[str, dict[str, object]]):
    catalog = SqlCatalog("mdw", uri=f"sqlite:///{folder.address}/catalog.sqlite")
    table = catalog.load_table("market_data.bars")
    tagged = table.snapshot_by_name("second")
    assert tagged is not None
    assert tagged.snapshot_id == second["bars"]["iceberg_snapshot_id"]
    assert tagged.summary is not None
    assert (tagged.summary["mdw.snapshot-id"], tagged.summary["mdw.data-version"]) == ("second", "2")
    # Each export is one commit: readers never see a partial one.
    assert len(table.history()) == 2
    registry = catalog.load_table("market_data.snapshots").scan().to_arrow().to_pylist()
    assert {(row["snapshot_id"], row["dataset"]) for row in registry} == {
        (name, dataset) for name in ("first", "second") for dataset in DATASETS
    }


def test_killed_in_the_middle_it_goes_on(mdw: Command, published: Published, tmp_path: Path):
    path = published.warehouse.settings.home / "clickhouse" / "killed"
    process = mdw.start("snapshot", "export", "first", "--to", str(path))
    while not parquet_files(path / "bars"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.kill()
    process.communicate()
    lake = Lake(str(path), f"icebergLocal('{path}/{{}}')")
    recorded = "select count() from ops.iceberg_exports where target = {to:String}"
    assert published.warehouse.rows(recorded, to=lake.address) == [(0,)]

    assert mdw.run("snapshot", "export", "first", "--to", str(path))[0] == 0
    assert published.warehouse.rows(recorded, to=lake.address) == [(1,)]
    for dataset in DATASETS:
        assert read_back(published.warehouse, lake, dataset, "first") == shown(published.warehouse, dataset, "first")


def test_s3_reads_back_as_the_view_and_holds_no_secret(
    published: Published, aws: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    settings = published.warehouse.settings
    endpoint = aws["AWS_ENDPOINT_URL"]
    lake = Lake("s3://lake/exports", f"icebergS3('{endpoint}/lake/exports/{{}}', 'AKIDEXAMPLE', '{SECRET}')")
    code, said, complained = Command(published.warehouse, aws).run("snapshot", "export", "first", "--to", lake.address)
    assert code == 0, complained
    assert SECRET not in said + complained
    # A machine that has never exported: the catalog must come from the bucket.
    for file in (settings.home / "iceberg").glob("*.sqlite"):
        file.unlink()
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    assert export(settings, "second", Target.parse(lake.address)).parts[0].partitions_kept == 2
    for snapshot_id in ("first", "second"):
        for dataset in DATASETS:
            assert read_back(published.warehouse, lake, dataset, snapshot_id) == shown(
                published.warehouse, dataset, snapshot_id
            )
    again = export(settings, "second", Target.parse(lake.address))
    assert (again.parts, "nothing to do" in again.notices[0]) == ([], True)
    recorded = str(published.warehouse.rows("select * from ops.iceberg_exports"))
    assert lake.address in recorded
    assert SECRET not in recorded
    kept = [path for path in (settings.home / "iceberg").iterdir() if path.is_file()]
    assert all(SECRET.encode() not in path.read_bytes() for path in kept)


def test_glue_by_configuration(published: Published, aws: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    settings, target = published.warehouse.settings, Target.parse("s3://lake/glue")
    one = export(settings, "first", target, catalog="glue", datasets=["fear_greed"])
    assert [part.dataset for part in one.parts] == ["fear_greed"]
    rest = export(settings, "first", target, catalog="glue")
    assert sorted(part.dataset for part in rest.parts) == ["bars", "funding", "instruments"]


def test_rest_by_configuration(published: Published, tmp_path: Path):
    path = published.warehouse.settings.home / "clickhouse" / "rest"
    lake = Lake(str(path), f"icebergLocal('{path}/{{}}')")
    with rest_catalog(tmp_path, SECRET) as address:
        named = {"MDW_ICEBERG_CATALOG": "rest", "PYICEBERG_CATALOG__MDW__URI": address}
        refused, _, complained = Command(published.warehouse, named).run(
            "snapshot", "export", "first", "--to", lake.address
        )
        assert (refused, "The rest catalog cannot be opened" in complained) == (1, True), complained

        mdw = Command(published.warehouse, {**named, "PYICEBERG_CATALOG__MDW__TOKEN": SECRET})
        for snapshot_id in ("first", "second"):
            code, said, complained = mdw.run("snapshot", "export", snapshot_id, "--to", lake.address)
            assert code == 0, complained
            assert SECRET not in said + complained
        assert "nothing to do" in mdw.run("snapshot", "export", "second", "--to", lake.address)[1]
        catalog = RestCatalog("any", uri=address, token=SECRET)
        tagged = {d: catalog.load_table(("market_data", d)).snapshot_by_name("second") for d in DATASETS}
    assert not (path / "catalog.sqlite").exists()
    for snapshot_id in ("first", "second"):
        for dataset in DATASETS:
            assert read_back(published.warehouse, lake, dataset, snapshot_id) == shown(
                published.warehouse, dataset, snapshot_id
            )
    [(recorded,)] = published.warehouse.rows(
        "select iceberg_snapshot_ids from ops.iceberg_exports where snapshot_id = 'second' and target = {to:String}",
        to=lake.address,
    )
    assert {d: snapshot and snapshot.snapshot_id for d, snapshot in tagged.items()} == recorded


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nothing-of-that-name", "--to", "{tmp}/a"], 2, "There is no snapshot 'nothing-of-that-name'"),
        (["first", "--to", "{file}/below"], 2, "Cannot write to"),
        (["first", "--to", "gs://bucket/x"], 2, "not supported as a location of Iceberg tables"),
        (["first", "--to", "s3://key:secret@bucket/x"], 2, "must not contain credentials"),
        (["first", "--to", "s3://no-such-bucket/x"], 2, "There is no bucket 'no-such-bucket'"),
        (["first", "--to", "{tmp}/a", "--dataset", "trades"], 2, "--dataset is 'trades'"),
        (["first", "--to", "{tmp}/a", "--catalog", "hive"], 2, "--catalog is 'hive'"),
        (["first", "--to", "{tmp}/a", "--catalog", "rest"], 1, "PYICEBERG_CATALOG__MDW__URI"),
    ],
)
def test_refused(
    published: Published,
    aws: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    says: str,
):
    file = tmp_path / "file"
    file.touch()
    for name, value in {**aws, **published.warehouse.environment}.items():
        monkeypatch.setenv(name, value)
    given = [argument.format(tmp=tmp_path, file=file) for argument in arguments]
    found = CliRunner().invoke(app, ["snapshot", "export", *given])
    assert isinstance(found.exception, BadInput if code == 2 else OperationFailed), found.exception
    assert says in str(found.exception)


def test_refusal_and_missing_credentials_on_the_command_line(published: Published, aws: dict[str, str]):
    bare = {name: aws[name] for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED")}
    bare["AWS_SHARED_CREDENTIALS_FILE"] = "/nowhere"
    mdw = Command(published.warehouse, bare)
    code, _, complained = mdw.run("snapshot", "export", "first", "--to", "s3://lake/x")
    assert (code, "No AWS credentials" in complained, "Traceback" in complained) == (1, True, False)
    code, _, complained = mdw.run("snapshot", "export", "none", "--to", "s3://lake/x")
    assert (code, "There is no snapshot 'none'" in complained, "Traceback" in complained) == (2, True, False)


@pytest.mark.parametrize("role", ["researcher", "ingest", "transform", "auditor"])
@pytest.mark.parametrize("source", ["icebergLocal('lake/bars')", "icebergS3('http://127.0.0.1:1/lake/bars', 'a', 'b')"])
def test_no_role_but_the_administrator_reaches_files_or_buckets(published: Published, role, source: str):
    with published.warehouse.client(role) as client, pytest.raises(DatabaseError, match="Not enough privileges"):
        client.query(f"select * from {source}")
