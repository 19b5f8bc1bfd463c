"""Retention of snapshots: changes of the registry go through dbt, and exclude a concurrent build."""

import json
from datetime import datetime

from mdw.publishing import dbt, snapshot_build
from warehouse import snapshots
from warehouse.client import connect
from warehouse.errors import OperationFailed
from warehouse.settings import Settings
from warehouse.snapshots import PublishedSnapshot
from warehouse.snapshots.protection import check_droppable, set_protection, set_withdrawn
from warehouse.utc import aware_utc


def protect(settings: Settings, snapshot_id: str, on: bool) -> bool:
    """Protect or unprotect a snapshot; returns whether anything changed.

    A protected snapshot cannot be dropped, and if it was archived, v_* read it by name again.
    """
    with connect(settings, "transform") as client:
        snapshot = snapshots.find(client, snapshot_id)
        changed = set_protection(client, snapshot, on, dbt.owner(settings))
        archived = int(
            client.query(
                "select count() from snaps.archived where snapshot_id = {id:String}", parameters={"id": snapshot_id}
            ).result_rows[0][0]
        )
    if on and archived:
        _operate(settings, "reconcile_snapshots")
    return changed


def withdraw(settings: Settings, snapshot_id: str, reason: str | None) -> bool:
    """Mark a snapshot as known to be bad for a reason, or remove the mark (None); returns whether anything changed.

    Its rows stay as they are and readable: v_snapshots, `mdw snapshot` and the SDK show the mark.
    """
    with connect(settings, "transform") as client:
        snapshot = snapshots.find(client, snapshot_id)
        return set_withdrawn(client, snapshot, reason, dbt.owner(settings))


def drop(settings: Settings, ids: list[str]) -> list[str]:
    """Delete snapshots and free the rows that no other one needs. Safe to run again after an interruption.

    On a cluster the rows stay while a node may still show the snapshots: returns a notice for each such node. Raises
    BadInput if one is unknown, protected or the newest; then nothing changes.
    """
    with connect(settings) as client:
        known = snapshots.published(client)
        # A dropped snapshot may be named again: that completes an interrupted drop.
        left = [name for name in ids if snapshots.dropped_at(client, name) is None]
        wanted = [snapshots.find(client, name) for name in left]
        check_droppable(known, wanted)
    return [notice for notice in _operate(settings, "drop_snapshots", {"ids": ids}) if notice.startswith("rows kept:")]


def expired(known: list[PublishedSnapshot], prefix: str, before: datetime) -> list[str]:
    """Ids that may be dropped: with the prefix, published before that time, neither protected nor the newest."""
    newest = max(known, key=lambda snapshot: (snapshot.data_version, snapshot.published_at), default=None)
    return [
        snapshot.snapshot_id
        for snapshot in known
        if snapshot.snapshot_id.startswith(prefix)
        and aware_utc(snapshot.published_at) < before
        and not snapshot.protected
        and snapshot is not newest
    ]


def check_nodes(settings: Settings) -> None:
    """On a cluster: compare the nodes and record those that hold every row of the newest snapshot."""
    _operate(settings, "check_nodes")


def _operate(settings: Settings, macro: str, arguments: dict[str, object] | None = None) -> list[str]:
    """Run a macro under the build lock; returns its notices. Raises OperationFailed if it stops."""
    with snapshot_build.only_writer(settings):
        done = dbt.run(
            settings,
            "run-operation",
            snapshot_build.claim_variables(settings),
            sub=(macro, "--args", json.dumps(arguments or {})),
        )
    if done.exit_code:
        raise OperationFailed(
            f"{macro} stopped: {' '.join(done.errors)[:800]}. Run the same command again to finish it."
        )
    return done.notices
