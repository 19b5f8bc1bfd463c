"""Normalizes Arrow tables, whatever server, venue or batch they come from."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.dictionary(pa.int32(), pa.string())


def normal(table: pa.Table) -> pa.Table:
    """Convert integers to signed 64 bits, so that arithmetic cannot wrap, and repeated text to one dictionary type.

    Only a caller's own query can return larger numbers, such as hashes: they become decimals.
    """
    columns = [_column(table.column(position)) for position in range(table.num_columns)]
    return pa.Table.from_arrays(columns, names=table.column_names)


def filled(table: pa.Table, chosen: Sequence[str], constants: Mapping[str, Any]) -> pa.Table:
    """The table with its constant columns added, in the chosen order."""
    columns = [
        table[name] if name in table.column_names else repeated(constants[name], table.num_rows) for name in chosen
    ]
    return pa.Table.from_arrays(columns, names=list(chosen))


def repeated(value: str | int, count: int) -> pa.Array:
    """A column with `count` times the same value."""
    if isinstance(value, int):
        return pa.repeat(pa.scalar(value, pa.int64()), count)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([value], pa.string()))


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Concatenated tables, with one dictionary per column."""
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()


def shifted(times: pa.ChunkedArray, step: int) -> pa.ChunkedArray:
    """Times shifted by `step` milliseconds."""
    return pa.chunked_array(
        [pc.add(chunk.cast(pa.int64()), step).cast(times.type) for chunk in times.chunks], times.type
    )


def _column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    signed = _signed(kind, pa.int64())
    if signed != kind:
        try:
            return column.cast(signed)
        except pa.ArrowInvalid:
            return column.cast(_signed(kind, pa.decimal128(20)))
    if pa.types.is_dictionary(kind):
        return pa.chunked_array([_dictionary(chunk) for chunk in column.chunks], TEXT)
    return column


def _signed(kind: pa.DataType, largest: pa.DataType) -> pa.DataType:
    """The type with int64 for its integers, also for those in arrays, tuples and maps; `largest` for uint64."""
    if pa.types.is_integer(kind):
        return largest if kind == pa.uint64() else pa.int64()
    if pa.types.is_map(kind):
        return pa.map_(_signed(kind.key_type, largest), _signed(kind.item_type, largest))
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_signed(kind.value_type, largest)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_signed(field.type, largest)) for field in kind])
    return kind


def _dictionary(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    """Remove the '' with which ClickHouse begins every dictionary, if no row is ''."""
    indices, words = chunk.indices.cast(pa.int32()), chunk.dictionary.cast(pa.string())
    if len(words) and not words[0].as_py() and len(indices) and (pc.min(indices).as_py() or 0) > 0:
        indices, words = pc.subtract(indices, pa.scalar(1, pa.int32())), words.slice(1)
    return pa.DictionaryArray.from_arrays(indices, words)
