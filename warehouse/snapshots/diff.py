"""Differences between two snapshots: counts by series, and rows with their old and new values."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from clickhouse_connect.driver.client import Client

from warehouse.snapshots import manifest
from warehouse.snapshots.layout import DATASETS, Dataset, columns, shown_at
from warehouse.snapshots.registry import PublishedSnapshot

CHANGES = ("added", "revised", "removed")


@dataclass(frozen=True)
class SeriesChange:
    """Rows of one series that differ, going from the first snapshot to the second."""

    dataset: str
    instrument_id: str
    timeframe: str
    added: int
    revised: int
    removed: int


@dataclass(frozen=True)
class RowChange:
    """One row that differs. `old` is None for an added row, `new` for a removed one; else the values that differ."""

    dataset: str
    change: str
    key: dict[str, Any]
    old: dict[str, Any] | None
    new: dict[str, Any] | None


class Diff:
    """Compares two snapshots; reads only the instruments and months whose manifests differ.

    `changes`: the subset of CHANGES to include in counts and rows.
    """

    def __init__(
        self, client: Client, first: PublishedSnapshot, second: PublishedSnapshot, changes: tuple[str, ...] = CHANGES
    ) -> None:
        self._client = client
        self._wanted = changes
        self._versions = (first.data_version, second.data_version)
        before, after = (manifest.published(client, version) for version in self._versions)
        self._parts = {name: manifest.differing(before[name], after[name]) for name in before}

    def series(self) -> list[SeriesChange]:
        """Counts by series, for series that differ."""
        return [SeriesChange(*row) for dataset in self._datasets() for row in self._series(dataset)]

    def rows(self, limit: int | None = None) -> Iterator[RowChange]:
        """The rows that differ, by dataset and key; at most `limit`."""
        left = limit
        for dataset in self._datasets():
            if left == 0:
                return
            found = self._client.query(
                self._sql(dataset) + (f" limit {left:d}" if left is not None else ""),
                parameters=self._parameters(dataset),
            )
            for row in found.named_results():
                yield _row_change(dataset, row)
                left = None if left is None else left - 1

    def write_parquet(self, path: Path) -> int:
        """Write all rows that differ to one table with the columns of every dataset; those of other datasets are empty.

        Columns: dataset, change, the key, old_<column> and new_<column>, typed. Returns the number of rows. The file
        appears only when it is complete.
        """
        schemas = [self._arrow_schema(dataset) for dataset in DATASETS]
        # Key columns of one dataset are empty in rows of another.
        schema = pa.schema(
            [field.with_nullable(True) for field in pa.unify_schemas(schemas, promote_options="permissive")]
        )
        partial = path.with_name(path.name + ".part")
        written = 0
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for dataset in self._datasets():
                blocks = self._client.query_arrow_stream(self._sql(dataset), parameters=self._parameters(dataset))
                with blocks as stream:
                    for batch in stream:
                        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
                        writer.write_table(_aligned(table, schema))
                        written += table.num_rows
        partial.replace(path)
        return written

    def _datasets(self) -> list[Dataset]:
        return [dataset for dataset in DATASETS if self._parts[dataset.name]]

    def _parameters(self, dataset: Dataset) -> dict[str, Any]:
        parts = self._parts[dataset.name]
        return {
            "instruments": sorted({instrument for instrument, _, _ in parts}),
            "months": sorted({month for _, _, month in parts}),
        }

    def _changes(self, dataset: Dataset) -> str:
        """SQL: one row per key that differs, with both states as tuples."""
        first, second = self._versions
        key = ", ".join(dataset.key)
        values = ", ".join(self._values(dataset))
        return f"""
            select {key}, anyIf(tuple({values}), is_old) as old, anyIf(tuple({values}), not is_old) as new,
                multiIf(countIf(is_old) = 0, 'added', countIf(not is_old) = 0, 'removed', 'revised') as change
            from (
                select *, {shown_at(first)} as is_old, {shown_at(second)} as is_new
                from marts.{dataset.mart} final
                where {dataset.instrument} in {{instruments:Array(String)}}
                    and {dataset.month} in {{months:Array(Date)}} and is_old != is_new
            )
            group by {key}
            having change in ({", ".join(f"'{change}'" for change in self._wanted)})
        """  # noqa: S608

    def _series(self, dataset: Dataset) -> list[tuple[Any, ...]]:
        query = f"""
            select '{dataset.name}', {dataset.instrument} as instrument, {dataset.timeframe} as frame,
                countIf(change = 'added'), countIf(change = 'revised'), countIf(change = 'removed')
            from ({self._changes(dataset)}) group by instrument, frame order by instrument, frame
        """  # noqa: S608
        return [tuple(row) for row in self._client.query(query, parameters=self._parameters(dataset)).result_rows]

    def _sql(self, dataset: Dataset) -> str:
        states = []
        for index, name in enumerate(self._values(dataset), start=1):
            states.append(f"if(change = 'added', null, tupleElement(old, {index})) as old_{name}")
            states.append(f"if(change = 'removed', null, tupleElement(new, {index})) as new_{name}")
        key = ", ".join(dataset.key)
        return (
            f"select '{dataset.name}' as dataset, change, {key}, {', '.join(states)} "  # noqa: S608
            f"from ({self._changes(dataset)}) order by {key}"
        )

    def _values(self, dataset: Dataset) -> list[str]:
        return [name for name, _ in columns(self._client, dataset) if name not in dataset.key]

    def _arrow_schema(self, dataset: Dataset) -> pa.Schema:
        nothing: dict[str, list[str]] = {"instruments": [], "months": []}
        return self._client.query_arrow(f"{self._sql(dataset)} limit 0", parameters=nothing).schema


def _row_change(dataset: Dataset, row: dict[str, Any]) -> RowChange:
    old = {name[4:]: value for name, value in row.items() if name.startswith("old_")}
    new = {name[4:]: value for name, value in row.items() if name.startswith("new_")}
    change = row["change"]
    if change == "revised":
        differs = [name for name in old if old[name] != new[name]]
        old, new = ({name: state[name] for name in differs} for state in (old, new))
    key = {name: row[name] for name in dataset.key}
    return RowChange(
        dataset.name, change, key, None if change == "added" else old, None if change == "removed" else new
    )


def _aligned(table: pa.Table, schema: pa.Schema) -> pa.Table:
    filled = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(filled, schema=schema)
