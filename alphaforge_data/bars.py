"""Bars of any timeframe: stored ones as they are, others resampled in the database; gaps treated as requested."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import arrow, extents, filling, gaps, resampled, timeframes, times, views
from alphaforge_data.errors import BadRequest
from alphaforge_data.manifest import Manifest
from alphaforge_data.queries import Window
from alphaforge_data.reading import Reader, finished
from alphaforge_data.snapshots import Snapshot
from alphaforge_data.views import View


@dataclass(frozen=True)
class BarsRequest:
    """A request for bars of one snapshot. `window` in milliseconds since 1970; None is open."""

    snapshot: Snapshot
    instruments: tuple[str, ...]
    timeframe: str
    window: Window


class BarReader:
    """Reads bars through a Reader."""

    def __init__(self, reader: Reader):
        self._reader = reader

    def view(self, request: BarsRequest) -> View:
        """The columns available to the request: resampled bars also have the number of bars that they were made of."""
        step = timeframes.length(request.timeframe)
        stored = [self.stored(request, one) for one in request.instruments]
        return views.BARS if all(timeframes.length(name) == step for name in stored) else views.RESAMPLED

    def stored(self, request: BarsRequest, instrument: str) -> str:
        """The stored timeframe from which an instrument's bars are read. Raises BadRequest if it has no bars."""
        manifest = self._manifest(request)
        known = manifest.timeframes(instrument)
        if not known:
            held = sorted({one for _, one, _ in manifest.series("bars")})
            raise BadRequest(
                f"Snapshot {request.snapshot.snapshot_id!r} has no bars of {instrument!r}; it has bars of: "
                f"{', '.join(held[:8]) or 'nothing'}{' and more' if len(held) > 8 else ''}. Client.series() lists all."
            )
        return timeframes.source(request.timeframe, known)

    def held(self, snapshot: Snapshot, instrument: str, timeframe: str) -> tuple[int | None, int | None, int]:
        """First open time and last close time of a stored series (None without bars), and its number of bars."""
        manifest = self._reader.catalog.manifest(snapshot)
        known = manifest.timeframes(instrument)
        if known and timeframe not in known:
            raise BadRequest(f"timeframe is {timeframe!r}; stored of {instrument}: {', '.join(known)}.")
        count = manifest.rows("bars", instrument, timeframe)
        return (*self.extent(snapshot, instrument, timeframe), count) if count else (None, None, 0)

    def read(
        self,
        request: BarsRequest,
        columns: Sequence[str],
        missing: str,
        partial: str,
        closes: dict[str, float | None] | None = None,
    ) -> pa.Table:
        """The bars, series by series, with the requested columns. `missing`, `partial`: see Client.bars.

        `closes`: for a piece of a longer request, which `require_overlap` has checked: the last close of each series
        before the piece, replaced by the last one in it.
        """
        # A piece may be without the series that are resampled, but has the columns of the whole.
        view = views.RESAMPLED if set(columns) & set(views.COUNTS) else self.view(request)
        tables = self._tables(request, view, columns)
        rows = []
        for one in request.instruments:
            table = tables[one]
            if not table.num_rows and closes is None:
                self._require_overlap(request, one)
            if view is views.RESAMPLED:
                table = self._whole_periods(table, request, one, partial)
            if missing == "raise":
                self._require_no_gaps(request, one)
            elif missing != "keep":
                table = self._on_grid(table, request, one, missing == "ffill", {} if closes is None else closes)
            names = [*columns, *(["is_filled"] if missing in ("null", "ffill") else [])]
            rows.append(finished(view, table, names, request.snapshot, one, request.timeframe))
        return arrow.joined(rows)

    def gaps(self, request: BarsRequest) -> pa.Table:
        """Every missing range of the stored bars from which the request is read, with its class."""
        return pa.concat_tables(self._gaps(request, one) for one in request.instruments)

    def extent(self, snapshot: Snapshot, instrument: str, timeframe: str) -> tuple[int, int]:
        """The first open time and the last close time of a stored series, ms since 1970."""
        first, last = extents.of_dataset(self._reader, snapshot, "bars")["bars", instrument, timeframe]
        return first, last + timeframes.length(timeframe)

    def bounds(self, request: BarsRequest, instrument: str) -> tuple[int, int]:
        """The request's window, with open ends replaced by those of the series: milliseconds since 1970.

        A period that begins before the first stored bar belongs to the series.
        """
        start, end = request.window
        if start is None or end is None:
            first, last = self.extent(request.snapshot, instrument, self.stored(request, instrument))
            start = gaps.floor(first, timeframes.length(request.timeframe)) if start is None else start
            end = last if end is None else end
        return start, max(start, end)

    def require_overlap(self, request: BarsRequest) -> None:
        """Raise BadRequest if the window does not overlap one of the series."""
        for one in request.instruments:
            self._require_overlap(request, one)

    def _tables(self, request: BarsRequest, view: View, columns: Sequence[str]) -> dict[str, pa.Table]:
        groups: dict[str, list[str]] = {}
        for one in request.instruments:
            groups.setdefault(self.stored(request, one), []).append(one)
        step = timeframes.length(request.timeframe)
        found: dict[str, pa.Table] = {}
        for stored, ids in groups.items():
            if timeframes.length(stored) != step:
                found |= self._resampled(request, ids, stored)
                continue
            wanted = [name for name in columns if name not in views.COUNTS]
            read = self._reader.series(views.BARS, request.snapshot, ids, stored, request.window, _needed(wanted))
            for one, table in read.items():
                found[one] = _counted(table, 1) if view is views.RESAMPLED else table
        return found

    def _resampled(self, request: BarsRequest, ids: list[str], stored: str) -> dict[str, pa.Table]:
        step = timeframes.length(request.timeframe)
        start, end = (None if bound is None else gaps.grid(bound, bound, step)[0] for bound in request.window)
        tables = resampled.read(self._reader, request.snapshot, ids, stored, request.timeframe, (start, end))
        expected = step // timeframes.length(stored)
        return {
            one: table.append_column("expected_bars", arrow.repeated(expected, table.num_rows))
            for one, table in tables.items()
        }

    def _whole_periods(self, table: pa.Table, request: BarsRequest, instrument: str, partial: str) -> pa.Table:
        is_whole = pc.equal(table["source_bars"], table["expected_bars"])
        if partial == "raise" and not pc.all(is_whole, min_count=0).as_py():
            raise gaps.error(
                self._gaps(request, instrument), f"{instrument} has incomplete bars of {request.timeframe}"
            )
        return table if partial == "keep" else table.filter(is_whole)

    def _on_grid(
        self, table: pa.Table, request: BarsRequest, instrument: str, carry: bool, closes: dict[str, float | None]
    ) -> pa.Table:
        step = timeframes.length(request.timeframe)
        before = closes.get(instrument)
        if "close" in table.column_names and table.num_rows:
            closes[instrument] = table["close"][-1].as_py()
        return filling.on_grid(table, "open_time", self.bounds(request, instrument), step, carry, before)

    def _gaps(self, request: BarsRequest, instrument: str) -> pa.Table:
        stored = self.stored(request, instrument)
        start, end = self.bounds(request, instrument)
        step = timeframes.length(request.timeframe)
        if timeframes.length(stored) != step:
            # Bars belong to whole periods, so the window is extended to whole periods.
            start, end = gaps.grid(start, end, step)
        window = start, end
        table = self._reader.series(views.BARS, request.snapshot, [instrument], stored, window, ["open_time"])
        ranges = gaps.missing(table[instrument]["open_time"], start, end, timeframes.length(stored))
        causes = gaps.SCHEMA.empty_table()
        if ranges:
            causes = gaps.of_series(self._reader.known(request.snapshot, gaps.QUERY), instrument, stored)
        return gaps.explained(ranges, causes, instrument, stored)

    def _require_no_gaps(self, request: BarsRequest, instrument: str) -> None:
        found = self._gaps(request, instrument)
        if found.num_rows:
            raise gaps.error(found, f"{sum(found['missing_bars'].to_pylist()):,} bars of {instrument} are missing")

    def _require_overlap(self, request: BarsRequest, instrument: str) -> None:
        """Raise BadRequest if the window does not overlap the series in the snapshot."""
        stored = self.stored(request, instrument)
        first, last = self.extent(request.snapshot, instrument, stored)
        start, end = request.window
        if (start is not None and start >= last) or (end is not None and end <= first):
            requested = " to ".join("open" if bound is None else times.as_text(bound) for bound in request.window)
            raise BadRequest(
                f"{instrument} {stored} reaches from {times.as_text(first)} to {times.as_text(last)} in snapshot "
                f"{request.snapshot.snapshot_id!r}; requested: {requested}. Client.series() shows how far each series "
                "reaches."
            )

    def _manifest(self, request: BarsRequest) -> Manifest:
        return self._reader.catalog.manifest(request.snapshot)


def side_by_side(bars: pa.Table, column: str, window: tuple[int, int], step: int, names: Sequence[str]) -> pa.Table:
    """One row per open time of the full grid, one column per instrument; null where a bar is missing."""
    instants = gaps.open_times(*window, step)
    ids = bars["instrument_id"].cast(pa.string()).combine_chunks()
    columns = {"open_time": pa.array(instants, pa.int64()).cast(bars["open_time"].type)}
    for name in names:
        mine = bars.filter(pc.equal(ids, name))
        have = mine["open_time"].cast(pa.int64()).to_numpy()
        position = np.minimum(np.searchsorted(have, instants), max(len(have) - 1, 0))
        is_there = have[position] == instants if len(have) else np.zeros(len(instants), bool)
        columns[name] = mine[column].take(pa.array(position, pa.int64(), mask=~is_there))
    return pa.table(columns)


def _needed(columns: Sequence[str]) -> list[str]:
    """The columns to read: always with the close, from which filled rows are carried forward."""
    return list(dict.fromkeys([*columns, "close"])) if set(columns) & {"open", "high", "low"} else list(columns)


def _counted(table: pa.Table, bars: int) -> pa.Table:
    for name in views.COUNTS:
        table = table.append_column(name, arrow.repeated(bars, table.num_rows))
    return table
