"""Columns that a series repeats on every row: left out of the request, filled in here as dictionaries."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from alphaforge_data.views import View


def sent(view: View, chosen: Sequence[str]) -> list[str]:
    """The columns to ask the server for; at least one, because an answer needs a length."""
    return [name for name in chosen if name not in view.constant] or [view.order[0]]


def filled(table: pa.Table, chosen: Sequence[str], constants: Mapping[str, Any]) -> pa.Table:
    """The answer with its constant columns, in the order chosen."""
    columns = [
        table[name] if name in table.column_names else _repeated(constants[name], table.num_rows) for name in chosen
    ]
    return pa.Table.from_arrays(columns, names=list(chosen))


def of_instrument(instrument: str) -> dict[str, str]:
    """What an instrument id says about every row of its series."""
    venue, market, symbol = instrument.split(":")
    return {"instrument_id": instrument, "venue": venue, "market": market, "symbol": symbol}


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Series one after the other, with one dictionary a column."""
    return pa.concat_tables(tables).unify_dictionaries()


def _repeated(value: str | int, count: int) -> pa.Array:
    if isinstance(value, int):
        return pa.repeat(pa.scalar(value, pa.uint32()), count)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), [value])
