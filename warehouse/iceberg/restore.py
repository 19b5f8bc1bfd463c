"""Restores an export into the marts of an empty warehouse, and verifies it against the exported manifest."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pyiceberg.table import Table

from warehouse import snapshots
from warehouse.errors import BadInput, OperationFailed
from warehouse.iceberg import columns, ledger
from warehouse.iceberg.lake import Lake
from warehouse.iceberg.layout import DATASETS, Dataset
from warehouse.iceberg.ledger import Exported
from warehouse.snapshots import hashing, manifest, recognition
from warehouse.snapshots.manifest import NOTHING, Manifest

_ROWS_PER_INSERT = 500_000
# State in ops.builds that an import records for the build number of its rows.
_STATE = "imported"


def choose(lake: Lake, snapshot_id: str | None) -> Exported:
    """The complete export of this id, or the newest one; raises BadInput that lists what is there."""
    there = {name: entry for name, entry in ledger.exported(lake).items() if entry.complete}
    if not there:
        raise BadInput(f"{lake.target.address} has no complete export (of every dataset).")
    if snapshot_id is None:
        return list(there.values())[-1]
    if snapshot_id not in there:
        newest = ", ".join(reversed(list(there)[-5:]))
        raise BadInput(f"{lake.target.address} has no complete export of {snapshot_id!r}. It has: {newest}.")
    return there[snapshot_id]


def expected(lake: Lake, entry: Exported) -> Manifest:
    """The manifest that was exported with the snapshot."""
    found = ledger.manifest_of(lake, entry.snapshot.snapshot_id)
    if found is None:
        raise OperationFailed(f"The manifest of {entry.snapshot.snapshot_id} is gone from {lake.target.address}.")
    return found


def already_there(client: Client, entry: Exported, whole: Manifest) -> bool:
    """Whether exactly this content is published already; raises BadInput if the warehouse is otherwise in use."""
    published = snapshots.published(client)
    same = [s for s in published if s.snapshot_id == entry.snapshot.snapshot_id]
    if same and same[0].data_version == entry.snapshot.data_version and is_published(client, entry, whole):
        return True
    if published:
        raise BadInput(
            f"The warehouse has {len(published)} published snapshots, newest {published[0].snapshot_id}: an import "
            "needs an empty one. Use another MDW_HOME or server. Nothing was changed."
        )
    _refuse_foreign_builds(client, entry)
    return False


def is_published(client: Client, entry: Exported, whole: Manifest) -> bool:
    """Whether the data version matches the export's manifest; rows that were hashed differently are hashed again."""
    version = entry.snapshot.data_version
    row_hash = entry.row_hash or recognition.recognized(client, version, whole)
    if hashing.of(client, version) == row_hash:
        return manifest.published(client, version) == whole
    return all(manifest.recomputed(client, one, version, row_hash) == whole[one.name] for one in DATASETS)


def _refuse_foreign_builds(client: Client, entry: Exported) -> None:
    rows = client.query("select version, state, owner from ops.builds order by recorded_at").result_rows
    mine = any(state == _STATE and owner == _owner(entry) for _, state, owner in rows)
    if not mine and any(_has_rows(client, dataset) for dataset in DATASETS):
        raise BadInput(
            "The marts have rows that no snapshot shows: an import needs an empty warehouse. Use another "
            "MDW_HOME or server. Nothing was changed."
        )
    if rows and not mine:
        raise BadInput(
            f"{len({row[0] for row in rows})} builds ran in this warehouse, so it is not empty: an import needs the "
            "build numbers that the snapshot had. Use another MDW_HOME or server. Nothing was changed."
        )


def _has_rows(client: Client, dataset: Dataset) -> bool:
    if not client.command(f"exists table marts.{dataset.mart}"):
        return False
    return bool(client.query(f"select 1 from marts.{dataset.mart} limit 1").result_rows)  # noqa: S608 - our name


def _owner(entry: Exported) -> str:
    return f"import of {entry.snapshot.snapshot_id}"


def claim(admin: Client, entry: Exported) -> None:
    """Make the snapshot's data version the next build number, and delete what a failed import left.

    Call only after `already_there`: then all builds and rows are of such an import.
    """
    version = entry.snapshot.data_version
    emptied = [f"marts.{dataset.mart}" for dataset in DATASETS]
    # Pages that were built since then count as not built: their rows are deleted with the marts.
    emptied += ["marts.dq_rejected_rows", "marts.dq_conflicting_rows", "marts.snapshot_manifest"]
    emptied += ["ops.build_pages", "ops.builds", "ops.build_steps", "ops.mart_rows"]
    # On a cluster: what nodes held of the failed import, which had the same data version.
    emptied += ["ops.node_versions"]
    for table in emptied:
        admin.command(f"truncate table if exists {table}")
    admin.command(
        "insert into ops.builds (version, invocation_id, state, owner) values "
        "({version:UInt32}, {owner:String}, {state:String}, {owner:String})",
        parameters={"version": version - 1, "owner": _owner(entry), "state": _STATE},
    )


def insert(client: Client, lake: Lake, entry: Exported, dataset: Dataset, whole: Manifest) -> int:
    """Insert a dataset's rows as of its Iceberg snapshot; returns their number."""
    table = lake.table(dataset.name)
    if table is None:
        raise OperationFailed(f"The Iceberg table {dataset.name} is gone from {lake.target.address}.")
    exported = set(table.schema().column_names)
    # A column that was added to the mart since the export is NULL in rows that were published without it.
    found = [column for column in columns.stored(client, dataset) if column.name in exported or not column.nullable]
    if missing := {column.name for column in found} - exported:
        raise OperationFailed(
            f"The Iceberg table {dataset.name} lacks {', '.join(sorted(missing))}: it has another schema."
        )
    arrow = pa.schema([pa.field(column.name, column.arrow, column.nullable) for column in found])
    done = 0
    for rows in _rows(table, entry.iceberg_snapshot_ids[dataset.name], dataset, whole, arrow):
        version = pa.array([entry.snapshot.data_version], pa.uint32()).take(pa.array([0] * rows.num_rows, pa.int8()))
        client.insert_arrow(f"marts.{dataset.mart}", rows.append_column("valid_from_version", version))
        done += rows.num_rows
    return done


def _rows(
    table: Table, iceberg_snapshot_id: int, dataset: Dataset, whole: Manifest, schema: pa.Schema
) -> Iterator[pa.Table]:
    for condition in _slices(dataset, whole):
        scan = table.scan(condition, selected_fields=tuple(schema.names), snapshot_id=iceberg_snapshot_id)
        held: list[pa.RecordBatch] = []
        count = 0
        for batch in scan.to_arrow_batch_reader():
            held.append(batch)
            count += batch.num_rows
            if count >= _ROWS_PER_INSERT:
                yield pa.Table.from_batches(held).select(schema.names).cast(schema)
                held, count = [], 0
        if count:
            yield pa.Table.from_batches(held).select(schema.names).cast(schema)


def record_proof(admin: Client, entry: Exported) -> None:
    """Record that the rows are those of the published snapshot, which need no second audit."""
    admin.command(
        "insert into ops.build_steps (version, node, outcome) values ({version:UInt32}, {node:String}, 'proven')",
        parameters={"version": entry.snapshot.data_version, "node": _owner(entry)},
    )


def _slices(dataset: Dataset, whole: Manifest) -> list[str]:
    """One condition per partition of a large dataset, so that only one partition at a time is in memory."""
    if not dataset.streamed:
        return ["true"]
    found = []
    for timeframe, month in sorted({(timeframe, month) for _, timeframe, month in whole[dataset.name]}):
        start = datetime(month.year, month.month, 1, tzinfo=UTC)
        end = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
        found.append(
            f"timeframe = '{timeframe}' and {dataset.time} >= '{start.isoformat()}' "
            f"and {dataset.time} < '{end.isoformat()}'"
        )
    return found


def prove(client: Client, entry: Exported, whole: Manifest) -> None:
    """Recompute the manifest from the imported rows; raises OperationFailed that names what differs."""
    version = entry.snapshot.data_version
    row_hash = entry.row_hash or recognition.recognized(client, version, whole)
    for dataset in DATASETS:
        held = manifest.recomputed(client, dataset, version, row_hash)
        wanted = whole[dataset.name]
        if wrong := manifest.differing(held, wanted):
            instrument, timeframe, month = wrong[0]
            found, published = (parts.get(wrong[0], NOTHING).row_count for parts in (held, wanted))
            raise OperationFailed(
                f"The export is damaged: {len(wrong)} parts of {dataset.name} differ from its manifest, first "
                f"{instrument} {timeframe} {month:%Y-%m} ({found} rows, {published} expected). Nothing was published; "
                "import another export, or another snapshot of this one."
            )
