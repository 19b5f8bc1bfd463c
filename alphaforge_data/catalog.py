"""Looks up published snapshots and their manifests."""

import warnings
from collections.abc import Callable
from operator import index
from typing import Any, SupportsIndex

import pyarrow as pa

from alphaforge_data import manifest, times
from alphaforge_data.errors import BadRequest, SnapshotChanged, UnknownSnapshot, WithdrawnSnapshot
from alphaforge_data.manifest import Manifest
from alphaforge_data.snapshots import Snapshot
from alphaforge_data.times import Time

LATEST = "latest"
Read = Callable[[str, dict[str, Any]], pa.Table]
Keep = Callable[[Snapshot, str], pa.Table]
Remembered = Callable[[str, pa.Table | None], pa.Table | None]

_NEWEST_FIRST = "order by data_version desc, published_at desc, snapshot_id desc"
_ALL = "select * from marts.v_snapshots"
# Larger limits wrap around in the database.
_MOST = 2**32


class Catalog:
    """Looks up snapshots and caches them; `confirm` checks whether a snapshot is still the same."""

    def __init__(self, read: Read, keep: Keep, remember: Remembered):
        """`remember(id, row)` stores a snapshot's row for offline clients; `remember(id, None)` looks it up."""
        self._read, self._keep, self._remember = read, keep, remember
        self._found: dict[str, Snapshot] = {}
        self._manifests: dict[str, Manifest] = {}
        self._warned: set[str] = set()

    def list(self, limit: int | None) -> pa.Table:
        """Published snapshots, newest first, every column of v_snapshots."""
        if limit is not None and (not isinstance(limit, SupportsIndex) or isinstance(limit, bool) or index(limit) < 1):
            raise BadRequest(f"limit is {limit!r}; pass a positive whole number, or None for all.")
        bound = " limit {limit:UInt64}" if limit is not None else ""
        values = {} if limit is None else {"limit": min(index(limit), _MOST)}
        return self._read(f"{_ALL} {_NEWEST_FIRST}{bound}", values)

    def get(self, snapshot_id: str) -> Snapshot:
        """The snapshot of that id; 'latest' is the newest one. Raises UnknownSnapshot."""
        if snapshot_id == LATEST:
            newest = self.list(1).to_pylist()
            if not newest:
                raise UnknownSnapshot("No snapshot is published yet; `mdw build` publishes the first one.")
            return self._remembered(newest[0])
        if snapshot_id not in self._found:
            rows = self._rows(snapshot_id)
            if not rows.num_rows:
                raise self._unknown(snapshot_id)
            self._remembered(rows.to_pylist()[0])
            self._remember(snapshot_id, rows)
        return self._found[snapshot_id]

    def recall(self, snapshot_id: str) -> Snapshot | None:
        """The snapshot as an earlier client stored it, or None. Sends no request."""
        if snapshot_id not in self._found:
            rows = self._remember(snapshot_id, None)
            if rows is None:
                return None
            self._remembered(rows.to_pylist()[0])
        return self._found[snapshot_id]

    def as_of(self, instant: Time) -> Snapshot:
        """The newest snapshot that was published at or before this time. Raises UnknownSnapshot."""
        bound = {"at": times.within_reach(times.milliseconds("as_of", instant))}
        query = f"{_ALL} where published_at <= fromUnixTimestamp64Milli({{at:Int64}}, 'UTC') {_NEWEST_FIRST} limit 1"
        rows = self._read(query, bound).to_pylist()
        if not rows:
            raise UnknownSnapshot(
                f"No snapshot was published by {times.as_text(bound['at'])}. Client.snapshots() lists them with "
                "their times."
            )
        return self._remembered(rows[0])

    def confirm(self, snapshot: Snapshot) -> None:
        """Raise SnapshotChanged unless the id is still published as exactly this snapshot.

        An id is never published again with the same publication time, so everything read between the look-up and this
        check is of `snapshot`.
        """
        row = next(iter(self._rows(snapshot.snapshot_id).to_pylist()), None)
        if row is not None and Snapshot.from_row(row).identity == snapshot.identity:
            self._warn_if_withdrawn(row)
            return
        self._found.pop(snapshot.snapshot_id, None)
        what = "was published again with other rows" if row else "was dropped"
        raise SnapshotChanged(
            f"Snapshot {snapshot.snapshot_id!r} (data version {snapshot.data_version}) {what} since this client looked "
            "it up: nothing read from it is returned. Call again to read what is published now."
        )

    def manifest(self, snapshot: Snapshot) -> Manifest:
        """The snapshot's manifest."""
        if snapshot.identity not in self._manifests:
            table = self._keep(snapshot, manifest.QUERY)
            self._manifests[snapshot.identity] = Manifest(table, snapshot.snapshot_id)
        return self._manifests[snapshot.identity]

    def _rows(self, snapshot_id: str) -> pa.Table:
        return self._read(f"{_ALL} where snapshot_id = {{snapshot_id:String}}", {"snapshot_id": snapshot_id})

    def _remembered(self, row: dict[str, Any]) -> Snapshot:
        snapshot = Snapshot.from_row(row)
        self._warn_if_withdrawn(row)
        self._found[snapshot.snapshot_id] = snapshot
        return snapshot

    def _warn_if_withdrawn(self, row: dict[str, Any]) -> None:
        """Warn once per client, whether the snapshot was withdrawn before or after the client looked it up."""
        if row.get("withdrawn_at") is None:
            self._warned.discard(row["snapshot_id"])
        elif row["snapshot_id"] not in self._warned:
            self._warned.add(row["snapshot_id"])
            message = f"Snapshot {row['snapshot_id']!r} was withdrawn: {row['withdrawn_reason']}. Pin another one."
            warnings.warn(message, WithdrawnSnapshot, stacklevel=2)

    def _unknown(self, snapshot_id: str) -> UnknownSnapshot:
        newest = self.list(5)["snapshot_id"].to_pylist()
        message = f"the newest are {', '.join(newest)}" if newest else "none is published yet (`mdw build`)"
        return UnknownSnapshot(f"No snapshot {snapshot_id!r}; {message}. Client.snapshots() lists them.")
