"""Which snapshots are published, and which instruments one of them knows."""

import difflib
import warnings

import pyarrow as pa

from alphaforge_data.arguments import LATEST
from alphaforge_data.errors import BadRequest, UnknownSnapshot, WithdrawnSnapshot
from alphaforge_data.snapshots import Snapshot
from alphaforge_data.transport import Transport

_NEWEST_FIRST = "order by data_version desc, published_at desc, snapshot_id desc"


class Catalog:
    """Looks snapshots up; one that was found is remembered, because it never changes."""

    def __init__(self, transport: Transport):
        self._transport = transport
        self._found: dict[str, Snapshot] = {}

    def list(self, limit: int) -> pa.Table:
        """The newest snapshots, newest first, every column of v_snapshots."""
        query = f"select * from marts.v_snapshots {_NEWEST_FIRST} limit {{limit:UInt32}}"  # noqa: S608
        return self._transport.read(query, {"limit": limit})

    def get(self, snapshot_id: str) -> Snapshot:
        """The snapshot of that id, or the newest one. Raises UnknownSnapshot."""
        if snapshot_id == LATEST:
            newest = self.list(1).to_pylist()
            if not newest:
                raise UnknownSnapshot("No snapshot is published yet; `mdw build` publishes the first one.")
            return self._remembered(newest[0])
        if snapshot_id not in self._found:
            query = "select * from marts.v_snapshots where snapshot_id = {snapshot_id:String}"
            rows = self._transport.read(query, {"snapshot_id": snapshot_id}).to_pylist()
            if not rows:
                raise self._unknown(snapshot_id)
            self._remembered(rows[0])
        return self._found[snapshot_id]

    def demand(self, instrument: str, snapshot: Snapshot) -> None:
        """Raise BadRequest if the snapshot's metadata does not know the instrument: a misspelling, not a hole."""
        query = "select distinct instrument_id from marts.v_instruments_at(snapshot_id = {snapshot_id:String})"
        known = self._transport.read(query, {"snapshot_id": snapshot.snapshot_id})["instrument_id"].to_pylist()
        if known and instrument not in known:
            near = difflib.get_close_matches(instrument, known, 5, 0.5) or sorted(known)[:5]
            raise BadRequest(
                f"Snapshot {snapshot.snapshot_id!r} knows no instrument {instrument!r}; near it: {', '.join(near)}. "
                "Client.instruments() lists all."
            )

    def _remembered(self, row: dict[str, object]) -> Snapshot:
        snapshot = Snapshot.from_row(row)
        if snapshot.snapshot_id not in self._found and row.get("withdrawn_at") is not None:
            said = f"Snapshot {snapshot.snapshot_id!r} was withdrawn: {row['withdrawn_reason']}. Pin another one."
            warnings.warn(said, WithdrawnSnapshot, stacklevel=2)
        return self._found.setdefault(snapshot.snapshot_id, snapshot)

    def _unknown(self, snapshot_id: str) -> UnknownSnapshot:
        newest = self.list(5)["snapshot_id"].to_pylist()
        said = f"the newest are {', '.join(newest)}" if newest else "none is published yet (`mdw build`)"
        return UnknownSnapshot(f"No snapshot {snapshot_id!r}; {said}. Client.snapshots() lists them.")
