"""Published snapshots: registry, manifests, verification, differences."""

from warehouse.snapshots.registry import (
    DatasetPart,
    Snapshot,
    datasets,
    dropped_at,
    find,
    protected_ids,
    published,
    rules,
)

__all__ = ["DatasetPart", "Snapshot", "datasets", "dropped_at", "find", "protected_ids", "published", "rules"]
