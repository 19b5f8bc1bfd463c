"""Maps parts of a manifest to partitions of an Iceberg table."""

from collections import defaultdict
from datetime import date

from warehouse.iceberg.layout import Dataset, Key, months_since_1970
from warehouse.snapshots.manifest import Content, Series, differing


def holding(dataset: Dataset, groups: dict[Series, Content]) -> dict[Key, dict[Series, Content]]:
    """The parts by partition."""
    found: dict[Key, dict[Series, Content]] = defaultdict(dict)
    for series, content in groups.items():
        found[dataset.partition_key(series[1], series[2])][series] = content
    return dict(found)


def changed(dataset: Dataset, before: dict[Series, Content], after: dict[Series, Content]) -> set[Key]:
    """Partitions whose files differ from `after`, including those that are gone."""
    months = {(timeframe, month) for _, timeframe, month in differing(before, after)}
    if dataset.reach:
        there = {(timeframe, month) for _, timeframe, month in after}
        months |= {near for near in there if any(_near(near, far, dataset.reach) for far in months)}
    return {dataset.partition_key(timeframe, month) for timeframe, month in months}


def _near(one: tuple[str, date], other: tuple[str, date], reach: int) -> bool:
    distance = months_since_1970(one[1]) - months_since_1970(other[1])
    return one[0] == other[0] and abs(distance) <= reach
