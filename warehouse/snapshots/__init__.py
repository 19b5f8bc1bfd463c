"""Published snapshots: what there is, what each holds, whether it still holds it, and how two differ."""

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
