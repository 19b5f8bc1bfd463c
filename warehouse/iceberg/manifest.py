"""Manifests: rows and content hash by instrument, timeframe and month, from ClickHouse or recomputed."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from clickhouse_connect.driver.client import Client

from warehouse.iceberg import columns
from warehouse.iceberg.layout import DATASETS, Dataset, Key, months_since_1970
from warehouse.snapshots import layout as snapshot_layout

Series = tuple[str, str, date]


@dataclass(frozen=True)
class Content:
    """Rows of a group and their order-free hash (32 hexadecimal digits)."""

    row_count: int
    content_hash: str


# By dataset, then by (instrument, timeframe, month).
Manifest = dict[str, dict[Series, Content]]


def published(client: Client, data_version: int) -> Manifest:
    """The manifest of a data version, as stored at its publication."""
    rows = client.query(
        """
        select dataset, instrument_id, timeframe, month, rows, lower(leftPad(hex(hash), 32, '0'))
        from (
            select dataset, instrument_id, timeframe, month,
                argMax(row_count, version) as rows, argMax(content_hash, version) as hash
            from marts.snapshot_manifest where version <= {version:UInt32}
            group by dataset, instrument_id, timeframe, month
        )
        where rows > 0
        """,
        parameters={"version": data_version},
    ).result_rows
    return collect((d, i, t, m, count, digest) for d, i, t, m, count, digest in rows)


def collect(rows: Iterable[tuple[str, str, str, date, int, str]]) -> Manifest:
    """A manifest from rows (dataset, instrument, timeframe, month, rows, hash)."""
    found: Manifest = {dataset.name: {} for dataset in DATASETS}
    for dataset, instrument, timeframe, month, row_count, content_hash in rows:
        found[dataset][instrument, timeframe, month] = Content(row_count, content_hash)
    return found


def recomputed(
    client: Client, dataset: Dataset, data_version: int, months: Iterable[date] | None = None
) -> dict[Series, Content]:
    """The same from the mart's rows themselves; `months` narrows it."""
    hashed = snapshot_layout.content_hash(column.name for column in columns.stored(client, dataset))
    instrument = "instrument_id" if "instrument_id" in dataset.key else "''"
    timeframe = "timeframe" if "timeframe" in dataset.key else "''"
    narrowed = "" if months is None else f"and toYYYYMM({dataset.time}) in {{months:Array(UInt32)}}"
    rows = client.query(
        f"""
        select cast({instrument} as String) as series, cast({timeframe} as String) as step,
            toStartOfMonth(toDate({dataset.time})) as month, count(),
            lower(leftPad(hex({hashed}), 32, '0'))
        from marts.{dataset.mart} final
        where valid_from_version <= {{version:UInt32}} and valid_to_version > {{version:UInt32}} {narrowed}
        group by series, step, month
        settings do_not_merge_across_partitions_select_final = 1
        """,  # noqa: S608 - names of our own tables
        parameters={
            "version": data_version,
            "months": sorted({month.year * 100 + month.month for month in months or ()}),
        },
    ).result_rows
    return {(row[0], row[1], row[2]): Content(row[3], row[4]) for row in rows}


def partitions(dataset: Dataset, groups: dict[Series, Content]) -> dict[Key, dict[Series, Content]]:
    """Groups by the partition that holds them."""
    found: dict[Key, dict[Series, Content]] = defaultdict(dict)
    for series, content in groups.items():
        found[dataset.partition_key(series[1], series[2])][series] = content
    return dict(found)


def changed(dataset: Dataset, before: dict[Series, Content], after: dict[Series, Content]) -> set[Key]:
    """Partitions whose files do not say what `after` says, gone ones included."""
    touched = {series for series in before.keys() | after.keys() if before.get(series) != after.get(series)}
    months = {(timeframe, month) for _, timeframe, month in touched}
    if dataset.reach:
        there = {(timeframe, month) for _, timeframe, month in after}
        months |= {near for near in there if any(_near(near, far, dataset.reach) for far in months)}
    return {dataset.partition_key(timeframe, month) for timeframe, month in months}


def _near(one: tuple[str, date], other: tuple[str, date], reach: int) -> bool:
    distance = months_since_1970(one[1]) - months_since_1970(other[1])
    return one[0] == other[0] and abs(distance) <= reach
