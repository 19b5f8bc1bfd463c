"""Resampled bars: computed in the database, and cached by month under the content of their stored months."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import arrow, gaps, queries, timeframes, times
from alphaforge_data.cache import Key
from alphaforge_data.chunks import chunks
from alphaforge_data.manifest import Manifest
from alphaforge_data.queries import Window
from alphaforge_data.reading import FORMAT, Reader, cut, require_between
from alphaforge_data.snapshots import Snapshot

SCHEMA = pa.schema(
    [
        ("open_time", pa.timestamp("ms", "UTC")),
        *((name, pa.float64()) for name in ("open", "high", "low", "close", "volume", "quote_volume")),
        ("trade_count", pa.int64()),
        ("source_bars", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Unit:
    """The periods of one series that begin in one calendar month. `start`, `end`: their range, ms since 1970."""

    instrument: str
    start: int
    end: int

    def key(self, manifest: Manifest, stored: str, timeframe: str) -> Key:
        """The cache key: the published hashes of the stored months of the periods."""
        parents = [
            (month.start, month.rows, month.content)
            for month in manifest.months("bars", self.instrument, stored)
            if month.start < self.end and month.end > self.start
        ]
        return {
            "format": FORMAT,
            "dataset": "bars",
            "resampled": queries.RESAMPLING,
            "instrument": self.instrument,
            "stored": stored,
            "timeframe": timeframe,
            "start": self.start,
            "parents": parents,
        }


def read(
    reader: Reader, snapshot: Snapshot, ids: Sequence[str], stored: str, timeframe: str, window: Window
) -> dict[str, pa.Table]:
    """One table of SCHEMA per instrument, oldest first. `window`: in whole periods, ms since 1970.

    Raises ShortAnswer if the number of stored bars behind them contradicts the manifest.
    """
    if reader.store is None:
        return _fetched(reader, snapshot, ids, stored, timeframe, window)
    manifest = reader.catalog.manifest(snapshot)
    step = timeframes.length(timeframe)
    units = [unit for one in ids for unit in _units(manifest, one, stored, step, window)]
    keys = {unit: unit.key(manifest, stored, timeframe) for unit in units}
    found = reader.stored(keys)
    if len(found) < len(units):
        locks = [{"resampled": (one, timeframe)} for one in {unit.instrument for unit in units if unit not in found}]
        with reader.store.locked(*locks):
            found |= reader.stored({unit: keys[unit] for unit in units if unit not in found})
            absent = [unit for unit in units if unit not in found]
            if absent:
                made = dict(_made(reader, snapshot, absent, stored, timeframe))
                reader.store.put([(keys[unit], table) for unit, table in made.items()])
                found |= made
    tables = {}
    for one in ids:
        pieces = [found[unit] for unit in units if unit.instrument == one] or [SCHEMA.empty_table()]
        tables[one] = cut(arrow.joined(pieces), "open_time", window)
    return tables


def _made(
    reader: Reader, snapshot: Snapshot, units: Sequence[Unit], stored: str, timeframe: str
) -> Iterator[tuple[Unit, pa.Table]]:
    ids = list(dict.fromkeys(unit.instrument for unit in units))
    window = min(unit.start for unit in units), max(unit.end for unit in units)
    tables = _fetched(reader, snapshot, ids, stored, timeframe, window)
    for unit in units:
        table = cut(tables[unit.instrument], "open_time", (unit.start, unit.end))
        _require_count(
            reader.catalog.manifest(snapshot), unit.instrument, stored, (unit.start, unit.end), table, snapshot
        )
        yield unit, table.combine_chunks()


def _fetched(
    reader: Reader, snapshot: Snapshot, ids: Sequence[str], stored: str, timeframe: str, window: Window
) -> dict[str, pa.Table]:
    query = queries.resampled(snapshot.snapshot_id, ids, stored, timeframe, window)
    table = reader.pinned(snapshot, query).rename_columns(["instrument_id", *SCHEMA.names])
    manifest = reader.catalog.manifest(snapshot)
    names = table["instrument_id"].cast(pa.string())
    found = {}
    for one in ids:
        found[one] = table.filter(pc.equal(names, one)).drop_columns(["instrument_id"]).cast(SCHEMA)
        _require_count(manifest, one, stored, window, found[one], snapshot)
    return found


def _require_count(
    manifest: Manifest, instrument: str, stored: str, window: Window, table: pa.Table, snapshot: Snapshot
) -> None:
    count = pc.sum(table["source_bars"], min_count=0).as_py()
    require_between(manifest, instrument, stored, window, count, snapshot)


def _units(manifest: Manifest, instrument: str, stored: str, step: int, window: Window) -> Iterator[Unit]:
    """The months of the window's stored bars, each as the periods that begin in it."""
    months = manifest.months("bars", instrument, stored)
    if not months:
        return
    # A period may begin in the month before the first bar.
    first = gaps.floor(months[0].start, step)
    moment = times.EPOCH + first * times.MILLISECOND
    begin = times.milliseconds("month", moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
    for month_start, month_end in chunks(begin, months[-1].end, "month"):
        start, end = gaps.grid(month_start, month_end, step)
        outside = (window[0] is not None and end <= window[0]) or (window[1] is not None and start >= window[1])
        if not outside and any(month.start < end and month.end > start for month in months):
            yield Unit(instrument, start, end)
