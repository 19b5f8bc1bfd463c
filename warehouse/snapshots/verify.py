"""Recompute a snapshot's manifest from its rows and name every part that differs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from clickhouse_connect.driver.client import Client

from warehouse.snapshots.layout import DATASETS, Dataset, columns, content_hash, shown_at
from warehouse.snapshots.registry import Snapshot, datasets

Key = tuple[str, str, str, date]
Content = tuple[int, int]
ABSENT: Content = (0, 0)


@dataclass(frozen=True)
class Difference:
    """One part whose rows are not what was published. `month` is None for the totals of the registry."""

    dataset: str
    instrument_id: str
    timeframe: str
    month: date | None
    published_rows: int
    found_rows: int
    published_hash: str
    found_hash: str


@dataclass
class Verification:
    """What a check of one snapshot found; `parts` and `rows` are what was recomputed."""

    snapshot_id: str
    data_version: int
    parts: int = 0
    rows: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether all is as published."""
        return not self.differences

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        return {**vars(self), "holds": self.holds, "differences": [vars(item) for item in self.differences]}


def verify(client: Client, snapshot: Snapshot) -> Verification:
    """Read every row of the snapshot once: the cost is that of hashing all of it, whatever else is stored."""
    began = time.monotonic()
    result = Verification(snapshot.snapshot_id, snapshot.data_version)
    published = manifest(client, snapshot.data_version)
    for dataset in DATASETS:
        found = _recomputed(client, dataset, snapshot.data_version)
        result.parts += len(found)
        result.rows += sum(rows for rows, _ in found.values())
        expected = {key: value for key, value in published.items() if key[0] == dataset.name}
        result.differences += _differences(expected, found)
    result.differences += _registry_differences(client, snapshot)
    result.seconds = round(time.monotonic() - began, 3)
    return result


def manifest(client: Client, version: int) -> dict[Key, Content]:
    """Rows and hash of each (dataset, instrument, timeframe, month) of a data version, as published."""
    rows = client.query(
        """
        select dataset, instrument_id, timeframe, month,
            argMax(row_count, version) as row_count, argMax(content_hash, version) as content_hash
        from marts.snapshot_manifest
        where version <= {version:UInt32}
        group by dataset, instrument_id, timeframe, month
        """,
        parameters={"version": version},
    ).result_rows
    return {tuple(row[:4]): (int(row[4]), int(row[5])) for row in rows}


def _recomputed(client: Client, dataset: Dataset, version: int) -> dict[Key, Content]:
    content = content_hash(name for name, _ in columns(client, dataset))
    rows = client.query(
        f"""
        select {dataset.group}, count(), toUInt128({content})
        from marts.{dataset.mart} final
        where {shown_at(version)}
        group by all
        settings do_not_merge_across_partitions_select_final = 1
        """  # noqa: S608
    ).result_rows
    return {(dataset.name, *row[:3]): (int(row[3]), int(row[4])) for row in rows}


def _differences(published: dict[Key, Content], found: dict[Key, Content]) -> Iterator[Difference]:
    for key in sorted(published.keys() | found.keys()):
        before, now = published.get(key, ABSENT), found.get(key, ABSENT)
        if before != now:
            yield Difference(*key, before[0], now[0], _hex(before[1]), _hex(now[1]))


def _registry_differences(client: Client, snapshot: Snapshot) -> Iterator[Difference]:
    """The registry's totals against the manifest: someone may have changed either."""
    counts, hashes = client.query(
        "select row_counts, content_hashes from marts.snapshots where snapshot_id = {id:String}",
        parameters={"id": snapshot.snapshot_id},
    ).result_rows[0]
    summed = {part.dataset: (part.row_count, part.content_hash) for part in datasets(client, snapshot)}
    for name in sorted(counts.keys() | summed.keys()):
        before, now = (counts.get(name, 0), hashes.get(name, "")), summed.get(name, (0, ""))
        if before != now:
            yield Difference(name, "", "", None, before[0], now[0], before[1], now[1])


def _hex(value: int) -> str:
    return f"{value:032x}"
