"""Exports one published snapshot to a lake."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from clickhouse_connect.driver.client import Client
from filelock import FileLock, Timeout
from pyiceberg.manifest import DataFile

from warehouse import snapshots
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.iceberg import columns, ledger, partitions, reading, writing
from warehouse.iceberg.lake import Lake, opened
from warehouse.iceberg.layout import BY_NAME, Dataset, Key
from warehouse.iceberg.target import Target
from warehouse.settings import Settings
from warehouse.snapshots import PublishedSnapshot, hashing, manifest
from warehouse.snapshots.hashing import RowHash
from warehouse.snapshots.manifest import Content, Manifest, Series

Report = Callable[[str], None]
_LOCK_SECONDS = 5


@dataclass(frozen=True)
class ExportedDataset:
    """One dataset of an export: partitions written and kept, and Iceberg's snapshot id."""

    dataset: str
    row_count: int
    partitions_written: int
    partitions_kept: int
    rows_written: int
    files_written: int
    iceberg_snapshot_id: int


@dataclass
class Export:
    """Result of an export; `parts` is empty if everything was exported before."""

    snapshot_id: str
    data_version: int
    target: str
    parts: list[ExportedDataset] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def export(
    settings: Settings,
    snapshot_id: str,
    target: Target,
    *,
    catalog: str = "sql",
    namespace: str = "market_data",
    datasets: Sequence[str] = tuple(BY_NAME),
    report: Report = lambda _: None,
) -> Export:
    """Bring the target's tables to the state of the snapshot, and tag that state with its id.

    Order: the manifest first (it describes each later state), one commit per dataset, then the registry's row that
    declares them complete, then the record in ops.iceberg_exports. After an interruption the same call continues.
    Raises BadInput for an unknown snapshot or a target that cannot be written, OperationFailed if a part of the
    snapshot no longer has the content of its manifest.
    """
    with connect(settings, "transform") as client:
        snapshot = snapshots.find(client, snapshot_id)
        result = Export(snapshot.snapshot_id, snapshot.data_version, target.address)
        with _exclusive(settings, target), opened(settings, target, catalog, namespace, write=True) as lake:
            _export(client, lake, snapshot, [BY_NAME[name] for name in datasets], result, report)
    return result


def _export(
    client: Client, lake: Lake, snapshot: PublishedSnapshot, datasets: list[Dataset], result: Export, report: Report
) -> None:
    whole = manifest.published(client, snapshot.data_version)
    row_hash = hashing.of(client, snapshot.data_version)
    ledger.store_manifest(lake, snapshot, whole)
    known = ledger.exported(lake)
    there = known.get(snapshot.snapshot_id, ledger.Exported(snapshot, {}, {}))
    missing = [dataset for dataset in datasets if dataset.name not in there.iceberg_snapshot_ids]
    if known and missing and max(e.snapshot.data_version for e in known.values()) > snapshot.data_version:
        result.notices.append(
            "A later snapshot was exported before: unpinned readers of these tables now see the older one."
        )
    for dataset in missing:
        report(dataset.name)
        result.parts.append(_dataset(client, lake, snapshot, dataset, whole, row_hash))
    if missing:
        ids = {part.dataset: part.iceberg_snapshot_id for part in result.parts}
        ledger.register(lake, snapshot, ids, {part.dataset: part.row_count for part in result.parts}, row_hash)
        there = ledger.exported(lake)[snapshot.snapshot_id]
    else:
        result.notices.append(f"{lake.target.address} already has snapshot {snapshot.snapshot_id}: nothing to do.")
    if missing or not ledger.recorded(client, lake, there):
        rows = sum(part.rows_written for part in result.parts)
        ledger.record(client, lake, there, rows, sum(part.files_written for part in result.parts))


def _dataset(
    client: Client, lake: Lake, snapshot: PublishedSnapshot, dataset: Dataset, whole: Manifest, row_hash: RowHash
) -> ExportedDataset:
    found = columns.columns(client, dataset, snapshot.snapshot_id)
    schema = columns.schema(found)
    table = lake.ensure(dataset.name, schema, dataset.partition_spec(schema), dataset.sort_order(schema))
    groups = whole[dataset.name]
    wanted = partitions.holding(dataset, groups)
    row_count = sum(content.row_count for content in groups.values())
    tagged = table.snapshot_by_name(snapshot.snapshot_id)
    if tagged is not None:
        # An earlier run committed this table and died before it committed all of them.
        return ExportedDataset(dataset.name, row_count, 0, len(wanted), 0, 0, tagged.snapshot_id)
    before = ledger.content_of_current(lake, table, dataset.name)
    rules = snapshots.rules(client, snapshot)
    if dataset.reach and ledger.rules_of_current(table) != rules:
        # Derived columns may have changed even if no stored column has.
        before = None
    stale = None if before is None else partitions.changed(dataset, before, groups)
    write = wanted.keys() & (wanted.keys() if stale is None else stale)
    _verify(client, snapshot, dataset, {key: wanted[key] for key in write}, row_hash)
    parts = reading.partitions(client, dataset, snapshot, found, write, writing.arrow_schema(table))
    files = writing.write_files(table, parts)
    expected = sum(content.row_count for key in write for content in wanted[key].values())
    done = writing.commit(
        table, stale, _checked(files, dataset, expected), snapshot.snapshot_id, ledger.properties(snapshot, rules)
    )
    lake.saved()
    kept = len(wanted) - len(write)
    return ExportedDataset(dataset.name, row_count, len(write), kept, done.rows, done.files, done.iceberg_snapshot_id)


def _verify(
    client: Client,
    snapshot: PublishedSnapshot,
    dataset: Dataset,
    parts: dict[Key, dict[Series, Content]],
    row_hash: RowHash,
) -> None:
    """Raise OperationFailed if rows to be written are not those that were published: damaged rows are no backup."""
    expected = {series: content for groups in parts.values() for series, content in groups.items()}
    if not expected:
        return
    months = {month for _, _, month in expected}
    held = manifest.recomputed(client, dataset, snapshot.data_version, row_hash, months)
    wrong = sorted(series for series, content in expected.items() if held.get(series) != content)
    if wrong:
        instrument, timeframe, month = wrong[0]
        raise OperationFailed(
            f"{len(wrong)} parts of {dataset.name} no longer have the content that snapshot {snapshot.snapshot_id} was "
            f"published with, first {instrument} {timeframe} {month:%Y-%m}. Nothing of {dataset.name} was exported; "
            f"see `mdw snapshot verify {snapshot.snapshot_id}`."
        )


def _checked(files: list[DataFile], dataset: Dataset, expected: int) -> list[DataFile]:
    written = sum(file.record_count for file in files)
    if written != expected:
        raise OperationFailed(
            f"{dataset.name}: ClickHouse sent {written:,} rows where the manifest has {expected:,}. Nothing was "
            "committed; run the export again."
        )
    return files


@contextmanager
def _exclusive(settings: Settings, target: Target) -> Iterator[None]:
    """One export from this MDW_HOME to a target at a time; the catalog detects writers on other machines."""
    folder = settings.home / "iceberg"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{target.slug}.lock", timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise OperationFailed(f"Another export to {target.address} is running; wait for it to end.") from None
    try:
        yield
    finally:
        lock.release()
