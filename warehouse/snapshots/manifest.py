"""Manifests: rows and content hash by dataset, instrument, timeframe and month, as published or recomputed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from clickhouse_connect.driver.client import Client

from warehouse.errors import OperationFailed
from warehouse.snapshots.hashing import RowHash
from warehouse.snapshots.layout import DATASETS, Dataset, shown_at

# (instrument, timeframe, first day of the month); the first two are empty if a dataset has none.
Series = tuple[str, str, date]


@dataclass(frozen=True)
class Content:
    """Number of rows of a part and their order-independent hash (32 hexadecimal digits)."""

    row_count: int
    content_hash: str


# SQL: the newest row of each part up to a data version.
PARTS_AT_VERSION = """
    select dataset, instrument_id, timeframe, month,
        argMax(row_count, version) as rows, argMax(content_hash, version) as hash
    from marts.snapshot_manifest where version <= {version:UInt32}
    group by dataset, instrument_id, timeframe, month
"""
NOTHING = Content(0, "0" * 32)
# Parts by dataset; parts without rows are absent.
Manifest = dict[str, dict[Series, Content]]


def published(client: Client, data_version: int) -> Manifest:
    """The manifest of a data version, as stored at its publication."""
    rows = client.query(
        "select dataset, instrument_id, timeframe, month, rows, lower(leftPad(hex(hash), 32, '0')) "  # noqa: S608
        f"from ({PARTS_AT_VERSION}) where rows > 0",
        parameters={"version": data_version},
    ).result_rows
    return collect((d, i, t, m, count, digest) for d, i, t, m, count, digest in rows)


def collect(rows: Iterable[tuple[str, str, str, date, int, str]]) -> Manifest:
    """A manifest from rows (dataset, instrument, timeframe, month, rows, hash).

    Raises OperationFailed for a dataset that this code does not have.
    """
    found: Manifest = {dataset.name: {} for dataset in DATASETS}
    for dataset, instrument, timeframe, month, row_count, digest in rows:
        if dataset not in found:
            raise OperationFailed(
                f"The manifest has a dataset {dataset!r}, which this code does not know: it is older than the data."
            )
        found[dataset][instrument, timeframe, month] = Content(row_count, digest)
    return found


def recomputed(
    client: Client, dataset: Dataset, data_version: int, row_hash: RowHash, months: Iterable[date] | None = None
) -> dict[Series, Content]:
    """The manifest of one dataset recomputed from the mart's rows, hashed as the snapshot was; `months` narrows it."""
    hashed = row_hash.sql(client, dataset)
    narrowed = "" if months is None else f"and toYYYYMM({dataset.time}) in {{months:Array(UInt32)}}"
    rows = client.query(
        f"""
        select {dataset.group}, count(), lower(leftPad(hex(toUInt128({hashed})), 32, '0'))
        from marts.{dataset.mart} final
        where {shown_at(data_version)} {narrowed}
        group by all
        settings do_not_merge_across_partitions_select_final = 1
        """,  # noqa: S608 - names of our own tables
        parameters={"months": sorted({month.year * 100 + month.month for month in months or ()})},
    ).result_rows
    return {tuple(row[:3]): Content(row[3], row[4]) for row in rows}


def differing(one: dict[Series, Content], other: dict[Series, Content]) -> list[Series]:
    """The parts that differ, in order."""
    return sorted(part for part in one.keys() | other.keys() if one.get(part) != other.get(part))
