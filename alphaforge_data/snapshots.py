"""Which version of the data a table is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from alphaforge_data.errors import BadRequest

_KEY = b"alphaforge_data"


@dataclass(frozen=True)
class Snapshot:
    """One published snapshot. `facts` holds its whole row of v_snapshots: row counts, content hashes, note."""

    snapshot_id: str
    data_version: int
    published_at: datetime
    facts: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Snapshot":
        """From a row of v_snapshots."""
        return cls(row["snapshot_id"], int(row["data_version"]), row["published_at"], dict(row))

    @property
    def identity(self) -> str:
        """Digest of everything published about it.

        An id alone does not identify content: a warehouse that was built anew may publish the same id again.
        """
        published = {name: value for name, value in self.facts.items() if not name.startswith("withdrawn")}
        return hashlib.sha256(json.dumps(published, sort_keys=True, default=str).encode()).hexdigest()

    def stamp(self, table: pa.Table) -> pa.Table:
        """The table with this snapshot's row in its schema metadata."""
        text = json.dumps(dict(self.facts), sort_keys=True, default=str).encode()
        plain = {b"snapshot_id": self.snapshot_id.encode(), b"data_version": str(self.data_version).encode()}
        return table.replace_schema_metadata({**plain, _KEY: text})


def snapshot_of(table: pa.Table) -> Snapshot:
    """The snapshot that a table of this package was read from; survives slices, filters, Parquet and IPC.

    Raises BadRequest for a table that lost it, or never had it.
    """
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:
        raise BadRequest("This table does not say which snapshot it is: it did not come from a Client's method.")
    row = json.loads(text)
    return Snapshot.from_row({**row, "published_at": datetime.fromisoformat(row["published_at"])})
