"""As-of joins: add to each bar what was known when it closed, and nothing later."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data.errors import BadRequest


def require_bars(bars: pa.Table, added: Sequence[str]) -> None:
    """Raise BadRequest unless the table has the columns that a join needs, and none of those that it adds."""
    lacking = [name for name in ("instrument_id", "close_time") if name not in bars.column_names]
    if lacking:
        raise BadRequest(f"These bars lack {' and '.join(lacking)}: read them with these columns.")
    duplicates = [name for name in added if name in bars.column_names]
    if duplicates:
        raise BadRequest(f"These bars already have {', '.join(duplicates)}: join only once.")


def as_of(
    bars: pa.Table, others: Mapping[str, pa.Table], time: str, columns: Sequence[str], types: Mapping[str, pa.DataType]
) -> pa.Table:
    """The bars with `columns` of the last row of `others[instrument]` at or before their close_time.

    `others`: one table per instrument, sorted by `time`. Null where nothing was known. `types`: of the columns, needed
    if there are no bars.
    """
    if not others:
        for name in columns:
            bars = bars.append_column(name, pa.nulls(len(bars), types[name]))
        return bars
    instruments = bars["instrument_id"].cast(pa.string()).combine_chunks()
    closes = bars["close_time"].cast(pa.int64()).to_numpy()
    names = sorted(others)
    joined = pa.concat_tables(
        [others[name].select([time, *(name for name in columns if name != time)]) for name in names]
    )
    position = np.full(len(closes), -1, np.int64)
    offset = 0
    for name in names:
        instants = others[name][time].cast(pa.int64()).to_numpy()
        mine = pc.equal(instruments, name).to_numpy(zero_copy_only=False)
        found = np.searchsorted(instants, closes[mine], side="right") - 1
        position[mine] = np.where(found >= 0, found + offset, -1)
        offset += len(instants)
    take = pa.array(np.maximum(position, 0), pa.int64(), mask=position < 0)
    for name in columns:
        bars = bars.append_column(name, joined[name].take(take))
    return bars
