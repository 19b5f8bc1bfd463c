"""The result of a Client's method: an Arrow table with its snapshot and its gaps."""

import html
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import pyarrow as pa

from alphaforge_data import gaps
from alphaforge_data.errors import BadRequest
from alphaforge_data.snapshots import Snapshot, snapshot_of


class Frame:
    """Rows of one snapshot. Arrow's C stream interface (`__arrow_c_stream__`) makes it readable for other libraries:
    `polars.DataFrame(frame)`, `duckdb.query("from frame")`, `pyarrow.table(frame)`,
    `pandas.DataFrame.from_arrow(frame)`.

    Columns are typed alike at every venue: times `timestamp[ms, UTC]` (`ingested_at` in microseconds), prices
    `double`, integers `int64`, each nullable; repeated text is dictionary encoded.
    """

    def __init__(self, table: pa.Table, holes: Callable[[], pa.Table] | None = None):
        self._table, self._find_holes = table, holes
        self._holes: pa.Table | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the rows were read from."""
        return snapshot_of(self._table)

    @property
    def holes(self) -> pa.Table:
        """Every range of bars missing in the requested window, with its class; queries the warehouse once.

        Same columns as `Client.gaps`. Empty for data without a time grid.
        """
        if self._holes is None:
            self._holes = self._find_holes() if self._find_holes else gaps.SCHEMA.empty_table()
            # The callback is no longer needed, and could not be pickled.
            self._find_holes = None
        return self._holes

    @property
    def schema(self) -> pa.Schema:
        """Names and types, with the snapshot in the metadata."""
        return self._table.schema

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self._table.column_names)

    @property
    def num_rows(self) -> int:
        """Number of rows, as len()."""
        return int(self._table.num_rows)

    def to_arrow(self) -> pa.Table:
        """The table itself; its schema metadata names the snapshot."""
        return self._table

    def to_pandas(self, index: str | None = None) -> Any:
        """A pandas DataFrame, times in UTC.

        Integers become Int64, which supports missing values; dates become datetime64. `attrs` name the snapshot.

        Parameters
        ----------
        index : str, optional
            A column to make the index, such as 'open_time'.
        """
        import pandas as pd

        frame = self._table.to_pandas(
            types_mapper={pa.int64(): pd.Int64Dtype()}.get, date_as_object=False, ignore_metadata=True
        )
        if index is not None:
            self._require(index)
            frame = frame.set_index(index)
        metadata = self._table.schema.metadata or {}
        frame.attrs = {name.decode(): value.decode() for name, value in metadata.items()}
        return frame

    def to_polars(self) -> Any:
        """A polars DataFrame. polars keeps no metadata: request the column snapshot_id to keep it with the rows."""
        import polars as pl

        return pl.from_arrow(self._table)

    def to_numpy(self) -> dict[str, Any]:
        """One array per column: times datetime64[ms], numbers float64 if a value is missing, text as objects."""
        return {name: _array(self._table[name]) for name in self._table.column_names}

    def to_pylist(self) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        rows: list[dict[str, Any]] = self._table.to_pylist()
        return rows

    def equals(self, other: "Frame") -> bool:
        """Whether columns, types and values are the same, whatever their snapshots are.

        Parameters
        ----------
        other : Frame
            The frame to compare with.
        """
        if not isinstance(other, Frame):
            raise BadRequest(f"other is a {type(other).__name__}; pass a Frame.")
        return bool(_decoded(self._table).equals(_decoded(other.to_arrow())))

    def __len__(self) -> int:
        return self.num_rows

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        self._require(name)
        return self._table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.column_names)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Rows and columns of numbers as one array. Raises BadRequest if a column is not numeric.

        pandas' DataFrame(frame) calls this and loses the names; `to_pandas` keeps them.
        """
        import numpy as np

        others = [field.name for field in self.schema if not _is_numeric(field.type)]
        if others:
            raise BadRequest(
                f"An array has one type, but {', '.join(others)} are not numbers: use to_pandas() or to_numpy(), or "
                "request numeric columns."
            )
        return np.column_stack(list(self.to_numpy().values())).astype(dtype or float, copy=False)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def __getstate__(self) -> dict[str, Any]:
        return {"_table": self._table, "_holes": self.holes, "_find_holes": None}

    def __repr__(self) -> str:
        rows = f"{self.num_rows:,} row{'' if self.num_rows == 1 else 's'}"
        return f"<Frame {rows} of {self._source()}: {', '.join(self.column_names)}>"

    def _repr_html_(self) -> str:
        head = self._table.slice(0, 10)
        names = "".join(f"<th>{html.escape(name)}</th>" for name in head.column_names)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(str(value))}</td>' for value in row.values())}</tr>"
            for row in head.to_pylist()
        )
        caption = f"{self.num_rows:,} rows of {html.escape(self._source())}"
        return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table><p>{caption}</p>"

    def _source(self) -> str:
        try:
            return f"snapshot {self.snapshot.snapshot_id!r}"
        except BadRequest:
            # Such as live rows.
            return "no snapshot"

    def _require(self, name: str) -> None:
        if name not in self._table.column_names:
            raise BadRequest(f"column is {name!r}; this frame has: {', '.join(self.column_names)}.")


def concat(frames: Iterable[Frame]) -> Frame:
    """Concatenate frames of one snapshot.

    Parameters
    ----------
    frames : iterable of Frame
        At least one, all with the same columns, such as the result of Client.iter_bars.

    Raises
    ------
    BadRequest
        If their snapshots or columns differ.
    """
    frames = list(frames)
    if not frames:
        raise BadRequest("frames is empty; pass at least one.")
    for frame in frames:
        if not isinstance(frame, Frame):
            raise BadRequest(
                f"frames contains a {type(frame).__name__}; pass Frames, as a Client's methods return them."
            )
    snapshots = {frame.snapshot.identity: frame.snapshot for frame in frames}
    if len(snapshots) > 1:
        named = ", ".join(repr(one.snapshot_id) for one in snapshots.values())
        raise BadRequest(f"frames are of different snapshots ({named}); read all of them at one.")
    tables = [frame.to_arrow() for frame in frames]
    if len({tuple((field.name, field.type) for field in table.schema) for table in tables}) > 1:
        raise BadRequest("frames have different columns; read them with the same `columns`.")
    bare = [table.replace_schema_metadata(None) for table in tables]
    joined = pa.concat_tables(bare, promote_options="default").unify_dictionaries()
    return Frame(frames[0].snapshot.stamp(joined))


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _decoded(table: pa.Table) -> pa.Table:
    """The table with its text spelled out: equal text may have different dictionaries."""
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _array(column: pa.ChunkedArray) -> Any:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp(column.type.unit)).to_numpy()
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).to_numpy()
    return column.to_numpy()


Gaps = Literal["keep", "raise", "null", "ffill"]
Partial = Literal["drop", "keep", "raise"]
