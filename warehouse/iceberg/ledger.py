"""Records of exports: the lake's own registry and manifests, and ops.iceberg_exports."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import DateType, LongType, NestedField, StringType, TimestamptzType

from warehouse.errors import BadInput
from warehouse.iceberg import writing
from warehouse.iceberg.lake import Lake
from warehouse.iceberg.layout import MANIFEST, SNAPSHOTS
from warehouse.snapshots import PublishedSnapshot, recognition
from warehouse.snapshots.hashing import RowHash
from warehouse.snapshots.manifest import Content, Manifest, Series, collect
from warehouse.utc import aware_utc

_MANIFEST = Schema(
    NestedField(1, "dataset", StringType(), required=True),
    NestedField(2, "instrument_id", StringType(), required=True),
    NestedField(3, "timeframe", StringType(), required=True),
    NestedField(4, "month", DateType(), required=True),
    NestedField(5, "row_count", LongType(), required=True),
    NestedField(6, "content_hash", StringType(), required=True),
)
_SNAPSHOTS = Schema(
    NestedField(1, "snapshot_id", StringType(), required=True),
    NestedField(2, "data_version", LongType(), required=True),
    NestedField(3, "published_at", TimestamptzType(), required=True),
    NestedField(4, "code_revision", StringType(), required=True),
    NestedField(5, "note", StringType(), required=True),
    NestedField(6, "dataset", StringType(), required=True),
    NestedField(7, "row_count", LongType(), required=True),
    NestedField(8, "iceberg_snapshot_id", LongType(), required=True),
    NestedField(9, "exported_at", TimestamptzType(), required=True),
    # Exports from before manifests recorded their hash do not have these two.
    NestedField(10, "row_hash", StringType()),
    NestedField(11, "hashed_columns", StringType(), doc="JSON: by dataset, name and type of each column it covers"),
)


@dataclass(frozen=True)
class Exported:
    """A snapshot in a lake: Iceberg's snapshot id and the number of rows of each exported dataset.

    `row_hash` is how its manifest was hashed, None if the export does not say.
    """

    snapshot: PublishedSnapshot
    iceberg_snapshot_ids: dict[str, int]
    row_counts: dict[str, int]
    row_hash: RowHash | None = None

    @property
    def complete(self) -> bool:
        """Whether all published datasets of the snapshot were exported."""
        published = self.row_hash.columns if self.row_hash else recognition.COLUMNS
        return published.keys() <= self.iceberg_snapshot_ids.keys()


def exported(lake: Lake) -> dict[str, Exported]:
    """All snapshots of the lake's registry by id, oldest data version first."""
    table = lake.table(SNAPSHOTS)
    rows = table.scan().to_arrow().to_pylist() if table is not None else []
    found: dict[str, Exported] = {}
    for row in sorted(rows, key=lambda row: (row["data_version"], row["exported_at"])):
        name = row["snapshot_id"]
        snapshot = PublishedSnapshot(name, row["data_version"], row["published_at"], row["code_revision"], row["note"])
        entry = found.setdefault(name, Exported(snapshot, {}, {}, _row_hash(row)))
        entry.iceberg_snapshot_ids[row["dataset"]] = row["iceberg_snapshot_id"]
        entry.row_counts[row["dataset"]] = row["row_count"]
    return found


def _row_hash(row: dict[str, Any]) -> RowHash | None:
    if not row.get("row_hash"):
        return None
    columns = json.loads(row["hashed_columns"])
    return RowHash(row["row_hash"], {name: [tuple(pair) for pair in pairs] for name, pairs in columns.items()})


def register(
    lake: Lake, snapshot: PublishedSnapshot, ids: dict[str, int], row_counts: dict[str, int], row_hash: RowHash
) -> None:
    """Record in one commit that these datasets of the snapshot are complete."""
    table = lake.ensure(SNAPSHOTS, _SNAPSHOTS)
    now = datetime.now(UTC)
    about = {**vars(snapshot), "published_at": aware_utc(snapshot.published_at), "exported_at": now}
    rows = [
        {
            **about,
            "dataset": name,
            "row_count": row_counts[name],
            "iceberg_snapshot_id": ids[name],
            "row_hash": row_hash.function,
            "hashed_columns": json.dumps(row_hash.columns),
        }
        for name in sorted(ids)
    ]
    table.append(pa.Table.from_pylist(rows, schema=writing.arrow_schema(table)))
    lake.saved()


def manifest_of(lake: Lake, snapshot_id: str) -> Manifest | None:
    """The manifest of this snapshot in the lake; it is written before the data."""
    table = lake.table(MANIFEST)
    tagged = table.snapshot_by_name(snapshot_id) if table is not None else None
    if table is None or tagged is None:
        return None
    rows = table.scan(snapshot_id=tagged.snapshot_id).to_arrow().to_pylist()
    return collect((*row.values(),) for row in rows)


def store_manifest(lake: Lake, snapshot: PublishedSnapshot, manifest: Manifest) -> None:
    """Write the manifest once; raises BadInput if the lake has this id with other content."""
    known = manifest_of(lake, snapshot.snapshot_id)
    if known == manifest:
        return
    if known is not None:
        raise BadInput(
            f"{lake.target.address} has another snapshot {snapshot.snapshot_id!r}: its content differs from the one "
            "published here. Export to another address."
        )
    table = lake.ensure(MANIFEST, _MANIFEST)
    rows = pa.Table.from_pylist(list(_rows(manifest)), schema=writing.arrow_schema(table))
    files = writing.write_files(table, [((), rows)] if rows.num_rows else [])
    writing.commit(table, None, files, snapshot.snapshot_id, properties(snapshot))
    lake.saved()


def _rows(manifest: Manifest) -> Iterable[dict[str, object]]:
    for dataset, groups in manifest.items():
        for (instrument, timeframe, month), content in sorted(groups.items()):
            yield {
                "dataset": dataset,
                "instrument_id": instrument,
                "timeframe": timeframe,
                "month": month,
                "row_count": content.row_count,
                "content_hash": content.content_hash,
            }


def properties(snapshot: PublishedSnapshot, rules: int = 0) -> dict[str, str]:
    """Summary properties of a table's state; `rules` is the version of the rules for derived columns."""
    return {
        "mdw.snapshot-id": snapshot.snapshot_id,
        "mdw.data-version": str(snapshot.data_version),
        "mdw.rules": str(rules),
    }


def rules_of_current(table: Table) -> int:
    """Version of the rules for derived columns in the table's newest state; 0 if it predates their numbering."""
    current = table.current_snapshot()
    summary = current.summary if current is not None else None
    return int(summary["mdw.rules"] or 0) if summary is not None and "mdw.rules" in summary else 0


def content_of_current(lake: Lake, table: Table, dataset: str) -> dict[Series, Content] | None:
    """Content of the table's newest state according to its manifest; None if unknown."""
    current = table.current_snapshot()
    if current is None:
        return {}
    summary = current.summary
    base = summary["mdw.snapshot-id"] if summary is not None and "mdw.snapshot-id" in summary else None
    manifest = manifest_of(lake, base) if base else None
    return None if manifest is None else dict(manifest[dataset])


def recorded(client: Client, lake: Lake, entry: Exported) -> bool:
    """Whether ops.iceberg_exports has these datasets of the snapshot at this target."""
    rows = client.query(
        "select iceberg_snapshot_ids from ops.iceberg_exports where snapshot_id = {id:String} and target = {to:String}",
        parameters={"id": entry.snapshot.snapshot_id, "to": lake.target.address},
    ).result_rows
    return any(entry.iceberg_snapshot_ids.items() <= row[0].items() for row in rows)


def record(client: Client, lake: Lake, entry: Exported, rows_written: int, files_written: int) -> None:
    """Record in ClickHouse where the export is; contains no credentials."""
    metadata = {}
    for name in entry.iceberg_snapshot_ids:
        table = lake.table(name)
        assert table is not None
        metadata[name] = table.metadata_location
    row = {
        "snapshot_id": entry.snapshot.snapshot_id,
        "data_version": entry.snapshot.data_version,
        "target": lake.target.address,
        "catalog": lake.kind,
        "namespace": lake.namespace,
        "iceberg_snapshot_ids": entry.iceberg_snapshot_ids,
        "metadata_locations": metadata,
        "row_counts": entry.row_counts,
        "rows_written": rows_written,
        "files_written": files_written,
    }
    client.insert("ops.iceberg_exports", [list(row.values())], column_names=list(row))
