"""Fills bars to their full time grid: missing rows become rows of nulls, or carry the last close forward."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import gaps

_PRICES = ("open", "high", "low", "close")


def on_grid(
    table: pa.Table, time: str, window: tuple[int, int], step: int, carry: bool, before: float | None = None
) -> pa.Table:
    """One row for every open time in the window (milliseconds since 1970), with a column `is_filled`.

    A filled row has nulls; with `carry`, its prices are the last close before it (`before` until the first bar), and
    its volumes stay null, because they are unknown. Columns that are constant in a series keep their value.
    """
    instants = gaps.open_times(*window, step)
    have = table[time].cast(pa.int64()).to_numpy()
    position = np.searchsorted(have, instants)
    is_there = np.zeros(len(instants), bool)
    inside = position < len(have)
    is_there[inside] = have[position[inside]] == instants[inside]
    take = pa.array(np.where(is_there, position, 0), pa.int64(), mask=~is_there)
    previous = np.searchsorted(have, instants, side="right") - 1
    last = pa.array(np.maximum(previous, 0), pa.int64(), mask=previous < 0)
    columns: dict[str, Any] = {}
    for name in table.column_names:
        if name == time:
            columns[name] = pa.array(instants, pa.int64()).cast(table[time].type)
        elif carry and name in _PRICES:
            there = table[name].take(take)
            carried = table["close"].take(last)
            columns[name] = pc.coalesce(there, carried, pa.scalar(before, table["close"].type))
        else:
            columns[name] = table[name].take(take)
    columns["is_filled"] = pa.array(~is_there)
    return pa.table(columns)
