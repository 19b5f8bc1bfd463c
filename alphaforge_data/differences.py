"""Differences between two snapshots; only months whose published hashes differ are read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import views
from alphaforge_data.errors import BadRequest
from alphaforge_data.manifest import Manifest, Month
from alphaforge_data.names import Known, Names
from alphaforge_data.reading import Reader
from alphaforge_data.snapshots import Snapshot
from alphaforge_data.views import View

_VIEWS = {view.dataset: view for view in (views.BARS, views.FUNDING, views.INSTRUMENTS, views.FEAR_GREED)}
SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("instrument_id", pa.string()),
        ("timeframe", pa.string()),
        ("time", pa.timestamp("ms", "UTC")),
        ("change", pa.string()),
        ("column", pa.string()),
        ("before", pa.string()),
        ("after", pa.string()),
    ]
)


def between(reader: Reader, before: Snapshot, after: Snapshot, dataset: str, instruments: Names | None) -> pa.Table:
    """Rows of SCHEMA; values as text, as Python prints them."""
    if not isinstance(dataset, str) or dataset not in _VIEWS:
        raise BadRequest(f"dataset is {dataset!r}; allowed: {', '.join(_VIEWS)}.")
    view = _VIEWS[dataset]
    manifests = reader.catalog.manifest(before), reader.catalog.manifest(after)
    keys = sorted({key for one in manifests for key in one.series(dataset)})
    if instruments is not None:
        # Includes series that only one of the two has.
        held = {one for manifest in manifests for one in manifest.instruments.ids}
        ids = set(Known(held, f"snapshot {after.snapshot_id!r}").chosen(None, instruments, None, "spot"))
        keys = [key for key in keys if key[1] in ids]
    found = [SCHEMA.empty_table()]
    if view in (views.INSTRUMENTS, views.FEAR_GREED):
        if any(_months(manifests[0], key) != _months(manifests[1], key) for key in keys):
            tables = [reader.whole(view, snapshot) for snapshot in (before, after)]
            for key in keys:
                pair = [_of_series(table, view, key[1]) for table in tables]
                found.append(_compared(view, key, *pair))
        return pa.concat_tables(found)
    for key in keys:
        for window in _windows(view, manifests, key):
            pair = [
                _series(reader, view, snapshot, held, key, window)
                for snapshot, held in zip((before, after), manifests, strict=True)
            ]
            found.append(_compared(view, key, *pair))
    return pa.concat_tables(found)


def _months(manifest: Manifest, key: tuple[str, str, str]) -> dict[int, Month]:
    return {month.start: month for month in manifest.months(*key)}


def _windows(
    view: View, manifests: Sequence[Manifest], key: tuple[str, str, str]
) -> list[tuple[int | None, int | None]]:
    first, second = (_months(manifest, key) for manifest in manifests)
    changed = [start for start in sorted(first.keys() | second.keys()) if first.get(start) != second.get(start)]
    if view is views.FUNDING:
        return [(None, None)] if changed else []
    return [(month.start, month.end) for month in ((second.get(start) or first[start]) for start in changed)]


def _series(
    reader: Reader,
    view: View,
    snapshot: Snapshot,
    manifest: Manifest,
    key: tuple[str, str, str],
    window: tuple[int | None, int | None],
) -> pa.Table:
    if not manifest.rows(*key):
        return pa.table({view.time: pa.array([], pa.timestamp("ms", "UTC"))})
    return reader.series(view, snapshot, [key[1]], key[2], window, view.values)[key[1]]


def _of_series(table: pa.Table, view: View, instrument: str) -> pa.Table:
    if view is views.FEAR_GREED:
        return table
    return table.filter(pc.equal(table["instrument_id"].cast(pa.string()), instrument))


def _compared(view: View, key: tuple[str, str, str], before: pa.Table, after: pa.Table) -> pa.Table:
    times = [_instants(table[view.time]) for table in (before, after)]
    rows = {
        "added": np.setdiff1d(times[1], times[0], assume_unique=True),
        "removed": np.setdiff1d(times[0], times[1], assume_unique=True),
    }
    tables = [_rows(key, instants, change) for change, instants in rows.items()]
    common, left, right = np.intersect1d(times[0], times[1], assume_unique=True, return_indices=True)
    names = [name for name in view.values if name in before.column_names and name in after.column_names]
    for name in names if len(common) else []:
        if name in (view.time, "instrument_id"):
            continue
        old, new = before[name].take(pa.array(left)), after[name].take(pa.array(right))
        differs = _differs(old, new)
        if differs.any():
            mask = pa.array(differs)
            revised = _rows(key, common[differs], "revised", name, _texts(old.filter(mask)), _texts(new.filter(mask)))
            tables.append(revised)
    table = pa.concat_tables(tables)
    return table.sort_by([("time", "ascending"), ("change", "ascending"), ("column", "ascending")])


def _differs(old: pa.ChunkedArray, new: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(old.type):
        old, new = old.cast(pa.string()), new.cast(pa.string())
    same = pc.fill_null(pc.equal(old, new), False)
    both_null = pc.and_(pc.is_null(old), pc.is_null(new))
    return np.logical_not(pc.or_(same, both_null).to_numpy())


def _rows(
    key: tuple[str, str, str],
    instants: Any,
    change: str,
    column: str | None = None,
    before: list[str | None] | None = None,
    after: list[str | None] | None = None,
) -> pa.Table:
    count = len(instants)
    return pa.table(
        [
            *(pa.repeat(pa.scalar(part), count) for part in key),
            pa.array(instants, pa.int64()).cast(pa.timestamp("ms", "UTC")),
            pa.repeat(pa.scalar(change), count),
            pa.array([column] * count, pa.string()),
            pa.array(before or [None] * count, pa.string()),
            pa.array(after or [None] * count, pa.string()),
        ],
        schema=SCHEMA,
    )


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    return [None if value is None else str(value) for value in column.to_pylist()]


def _instants(column: pa.ChunkedArray) -> Any:
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms", "UTC"))
    return column.cast(pa.int64()).to_numpy()
