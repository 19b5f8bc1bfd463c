"""Published snapshots: what there is, and what each holds."""

from warehouse.snapshots.registry import DatasetPart, Snapshot, datasets, find, published

__all__ = ["DatasetPart", "Snapshot", "datasets", "find", "published"]
