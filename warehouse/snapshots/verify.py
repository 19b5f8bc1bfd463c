"""Recomputes a snapshot's manifest from its rows and reports every part that differs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from clickhouse_connect.driver.client import Client

from warehouse.snapshots import hashing, manifest
from warehouse.snapshots.layout import DATASETS
from warehouse.snapshots.manifest import NOTHING, Content, Series
from warehouse.snapshots.registry import PublishedSnapshot, datasets


@dataclass(frozen=True)
class Difference:
    """One part whose rows are not as published. `month` is None for the totals of the registry."""

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
    """Result of verifying one snapshot; `parts` and `rows` count what was recomputed."""

    snapshot_id: str
    data_version: int
    parts: int = 0
    rows: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything is as published."""
        return not self.differences

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        return {**vars(self), "holds": self.holds, "differences": [vars(item) for item in self.differences]}


def verify(client: Client, snapshot: PublishedSnapshot) -> Verification:
    """Hash every row of the snapshot once; the cost does not depend on other snapshots."""
    began = time.monotonic()
    result = Verification(snapshot.snapshot_id, snapshot.data_version)
    published = manifest.published(client, snapshot.data_version)
    row_hash = hashing.of(client, snapshot.data_version)
    for dataset in DATASETS:
        found = manifest.recomputed(client, dataset, snapshot.data_version, row_hash)
        result.parts += len(found)
        result.rows += sum(content.row_count for content in found.values())
        result.differences += _differences(dataset.name, published[dataset.name], found)
    result.differences += _registry_differences(client, snapshot)
    result.seconds = round(time.monotonic() - began, 3)
    return result


def _differences(dataset: str, published: dict[Series, Content], found: dict[Series, Content]) -> Iterator[Difference]:
    for part in manifest.differing(published, found):
        before, now = published.get(part, NOTHING), found.get(part, NOTHING)
        yield Difference(dataset, *part, before.row_count, now.row_count, before.content_hash, now.content_hash)


def _registry_differences(client: Client, snapshot: PublishedSnapshot) -> Iterator[Difference]:
    """Compare the registry's totals with the manifest: either may have been changed."""
    counts, hashes = client.query(
        "select row_counts, content_hashes from marts.snapshots where snapshot_id = {id:String}",
        parameters={"id": snapshot.snapshot_id},
    ).result_rows[0]
    summed = {part.dataset: (part.row_count, part.content_hash) for part in datasets(client, snapshot)}
    for name in sorted(counts.keys() | summed.keys()):
        before, now = (counts.get(name, 0), hashes.get(name, "")), summed.get(name, (0, ""))
        if before != now:
            yield Difference(name, "", "", None, before[0], now[0], before[1], now[1])
