"""The snapshot of a table."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from alphaforge_data.errors import BadRequest

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY = b"alphaforge_data"
_ROWS = b"alphaforge_data.rows"


@dataclass(frozen=True)
class Snapshot:
    """One published snapshot. `facts` is its row of v_snapshots: row counts, content hashes, note."""

    snapshot_id: str
    data_version: int
    published_at: datetime
    facts: Mapping[str, Any] = field(repr=False, compare=False)
    identity: str = field(default="", repr=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Snapshot":
        """From a row of v_snapshots."""
        return cls(row["snapshot_id"], int(row["data_version"]), row["published_at"], dict(row), _identity(row))

    @property
    def rules(self) -> str:
        """The rules for derived columns at this snapshot (v_snapshots.rules); '' for the first version of them."""
        return str(self.facts.get("rules", ""))

    def stamp(self, table: pa.Table) -> pa.Table:
        """The table with this snapshot's row in its schema metadata."""
        text = json.dumps(dict(self.facts), sort_keys=True, default=str).encode()
        plain = {b"snapshot_id": self.snapshot_id.encode(), b"data_version": str(self.data_version).encode()}
        return table.replace_schema_metadata({**plain, _KEY: text, _ROWS: str(table.num_rows).encode()})


def checked_id(value: str) -> str:
    """Return the id, or 'latest'; raises BadRequest if it is not valid."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BadRequest(
            f"snapshot_id is {value!r}; an id has 1 to 64 letters, digits, dots, dashes or underscores and begins "
            "with a letter or digit. Client.snapshots() lists those that exist; 'latest' is the newest."
        )
    return value


def snapshot_of(data: Any) -> Snapshot:
    """The snapshot that a Frame, an Arrow table or a pandas DataFrame of this package was read from.

    It survives slices, filters, Parquet and IPC in Arrow, and `attrs` in pandas; polars keeps no metadata: request
    the column `snapshot_id` there.

    Parameters
    ----------
    data : Frame, pyarrow.Table or pandas.DataFrame
        As read, or a part of it.

    Raises
    ------
    BadRequest
        For data that lost it, never had it, has more rows than were read, or has several snapshots in its column
        snapshot_id: tables of two snapshots that were concatenated.
    """
    metadata = _metadata(data)
    text = metadata.get(_KEY)
    if text is None:
        raise BadRequest("This table does not name its snapshot: it was not returned by a Client's method.")
    if _ROWS in metadata and len(data) > int(metadata[_ROWS]):
        raise BadRequest(
            f"This table has {len(data)} rows, but only {int(metadata[_ROWS])} were read from the snapshot it names: "
            "several tables were concatenated. Check each of them, or read them in one call."
        )
    row = json.loads(text)
    if "snapshot_id" in _columns(data):
        held = {str(one) for one in data["snapshot_id"].unique().tolist()}
        if held - {row["snapshot_id"]}:
            raise BadRequest(
                f"This table has rows of {' and '.join(sorted(held))}: several tables were concatenated. Check each of "
                "them."
            )
    return Snapshot.from_row({**row, "published_at": datetime.fromisoformat(row["published_at"])})


def _columns(data: Any) -> list[str]:
    names = getattr(data, "column_names", None)
    return list(getattr(data, "columns", ())) if names is None else list(names)


def _metadata(data: Any) -> Mapping[bytes, bytes]:
    if hasattr(data, "attrs"):
        return {name.encode(): str(value).encode() for name, value in data.attrs.items()}
    schema = getattr(data, "schema", None)
    return (getattr(schema, "metadata", None) or {}) if schema is not None else {}


def _identity(row: Mapping[str, Any]) -> str:
    """Digest of what is published and never changes: a rebuilt warehouse may use the same id again."""
    lasting = {name: value for name, value in row.items() if not name.startswith("withdrawn")}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True, default=str).encode()).hexdigest()
