"""Layout of the Iceberg tables: how each dataset is partitioned and sorted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import IdentityTransform, MonthTransform, Transform, YearTransform

from warehouse.snapshots import layout

# Partition values as Iceberg stores them: text, months or years since 1970.
Key = tuple[str | int, ...]


@dataclass(frozen=True)
class PartitionBy:
    """One partition field: its source column and transform, and its value for a part of the manifest."""

    name: str
    column: str
    transform: Transform  # type: ignore[type-arg]
    value: Callable[[str, date], str | int]


@dataclass(frozen=True)
class Dataset(layout.Dataset):
    """One dataset. `streamed`: too large to be read at once, so it is read partition by partition.

    `reach`: number of months before and after a changed one whose derived columns may change with it.
    """

    partitions: tuple[PartitionBy, ...] = ()
    streamed: bool = False
    reach: int = 0

    @property
    def view(self) -> str:
        """Its view of one snapshot."""
        return f"v_{self.name}_at"

    @property
    def sort(self) -> tuple[str, ...]:
        """The sort order within a file: the key, without columns that are constant in a file."""
        same = {field.column for field in self.partitions if isinstance(field.transform, IdentityTransform)}
        return tuple(name for name in self.key if name not in same)

    def partition_key(self, timeframe: str, month: date) -> Key:
        """The partition of rows of this timeframe and month."""
        return tuple(field.value(timeframe, month) for field in self.partitions)

    def partition_spec(self, schema: Schema) -> PartitionSpec:
        """The partitioning for Iceberg."""
        fields = [
            PartitionField(schema.find_field(field.column).field_id, 1000 + number, field.transform, field.name)
            for number, field in enumerate(self.partitions)
        ]
        return PartitionSpec(*fields)

    def sort_order(self, schema: Schema) -> SortOrder:
        """The sort order for Iceberg."""
        fields = [
            SortField(source_id=schema.find_field(name).field_id, transform=IdentityTransform()) for name in self.sort
        ]
        return SortOrder(*fields)


def months_since_1970(month: date) -> int:
    """Iceberg's month number."""
    return (month.year - 1970) * 12 + month.month - 1


def _month(column: str) -> PartitionBy:
    return PartitionBy(f"{column}_month", column, MonthTransform(), lambda _, month: months_since_1970(month))


# A file of bars holds one timeframe and month of all instruments, sorted by instrument: some 30 MB a month for 18
# one-minute series. Finer partitions of the small datasets would only multiply the files.
_TIMEFRAME = PartitionBy("timeframe", "timeframe", IdentityTransform(), lambda timeframe, _: timeframe)
_YEAR = PartitionBy("year", "date", YearTransform(), lambda _, month: month.year - 1970)
# A dataset that is not listed here is one unpartitioned table.
_LAYOUTS: dict[str, dict[str, Any]] = {
    "bars": {"partitions": (_TIMEFRAME, _month("open_time")), "streamed": True},
    # interval_hours depends on the payments before and after.
    "funding": {"partitions": (_month("funding_time"),), "reach": 1},
    "fear_greed": {"partitions": (_YEAR,)},
}
DATASETS = tuple(Dataset(**vars(dataset), **_LAYOUTS.get(dataset.name, {})) for dataset in layout.DATASETS)
BY_NAME = {dataset.name: dataset for dataset in DATASETS}
MANIFEST = "snapshot_manifest"
SNAPSHOTS = "snapshots"
