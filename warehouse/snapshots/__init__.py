"""Published snapshots: registry, manifests, verification, differences."""

from warehouse.snapshots.registry import (
    DatasetPart,
    PublishedSnapshot,
    datasets,
    dropped_at,
    find,
    protected_ids,
    published,
    rules,
)

__all__ = ["DatasetPart", "PublishedSnapshot", "datasets", "dropped_at", "find", "protected_ids", "published", "rules"]
