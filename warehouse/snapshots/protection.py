"""Protected snapshots cannot be dropped, and the views always read them by name; withdrawn ones are marked as bad."""

from clickhouse_connect.driver.client import Client

from warehouse.errors import BadInput
from warehouse.snapshots.registry import PublishedSnapshot, protected_ids


def set_protection(client: Client, snapshot: PublishedSnapshot, protect: bool, actor: str) -> bool:
    """Record the decision; returns whether anything changed. `client` must be allowed to insert into ops."""
    if (snapshot.snapshot_id in protected_ids(client)) == protect:
        return False
    client.insert(
        "ops.snapshot_events",
        [[snapshot.snapshot_id, "protected" if protect else "unprotected", snapshot.data_version, actor]],
        column_names=["snapshot_id", "event", "data_version", "actor"],
    )
    return True


def set_withdrawn(client: Client, snapshot: PublishedSnapshot, reason: str | None, actor: str) -> bool:
    """Mark a snapshot as known to be bad, or remove the mark (None); returns whether anything changed."""
    if snapshot.withdrawn == reason:
        return False
    event = "reinstated" if reason is None else "withdrawn"
    client.insert(
        "ops.snapshot_events",
        [[snapshot.snapshot_id, event, snapshot.data_version, actor, reason or ""]],
        column_names=["snapshot_id", "event", "data_version", "actor", "reason"],
    )
    return True


def check_droppable(known: list[PublishedSnapshot], wanted: list[PublishedSnapshot]) -> None:
    """Raise BadInput for a protected snapshot and for the newest one, which v_*_latest show."""
    newest = max(known, key=lambda snapshot: snapshot.data_version)
    for snapshot in wanted:
        if snapshot.protected:
            raise BadInput(
                f"Snapshot {snapshot.snapshot_id!r} is protected. To drop it, run `mdw snapshot unprotect "
                f"{snapshot.snapshot_id}` first. Nothing was dropped."
            )
        if snapshot == newest:
            raise BadInput(
                f"Snapshot {snapshot.snapshot_id!r} is the newest one, which the _latest views show. Publish another "
                "one first (`mdw build`). Nothing was dropped."
            )
