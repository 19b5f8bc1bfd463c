"""Reads rows of a pinned view from the cache, else from the server, and never returns only a part of them.

The unit of caching is a month of a series of bars, a series of funding, or a small dataset as a whole. Its key is the
content hash in the snapshot's manifest, so it is found for any window, any choice of columns, by any client, and for
any server with the same content.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import arrow, queries, timeframes, times
from alphaforge_data.cache import Key, Store
from alphaforge_data.catalog import Catalog
from alphaforge_data.errors import NotCached, ShortAnswer
from alphaforge_data.manifest import Manifest
from alphaforge_data.names import parts
from alphaforge_data.queries import Query, Window
from alphaforge_data.snapshots import Snapshot
from alphaforge_data.transport import Batches, Transport
from alphaforge_data.views import PINNED, View

FORMAT = 2
T = TypeVar("T", bound=Hashable)
# A query sorts what it reads: this many rows of bars stay well below a researcher's memory limit.
_ROWS_PER_QUERY = 6_000_000
# Number of snapshots whose metadata a client keeps in memory.
_KNOWN = 24


@dataclass(frozen=True)
class Unit:
    """Cached as one file per group of columns. `start`, `end`: milliseconds since 1970, or None for a whole series."""

    instrument: str
    timeframe: str
    start: int | None
    end: int | None
    rows: int
    content: str

    def key(self, view: View, columns: Sequence[str], rules: str) -> Key:
        """The cache key, which identifies the content of the file."""
        return {
            "format": FORMAT,
            "dataset": view.dataset,
            "instrument": self.instrument,
            "timeframe": self.timeframe,
            "start": self.start,
            "rows": self.rows,
            "content": self.content,
            "columns": list(columns),
            "rules": rules,
        }


class Reader:
    """Reads rows of snapshots. `transport` None: only from the cache (offline)."""

    def __init__(self, transport: Transport | None, store: Store | None, place: str):
        """`place` identifies the warehouse for offline clients."""
        self._transport, self.store, self.place = transport, store, place
        self._known: dict[tuple[str, str], pa.Table] = {}
        self.catalog = Catalog(self.query, self.kept, self._remember)

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """The snapshot with this id, or 'latest'. Raises UnknownSnapshot, or NotCached when offline."""
        if self._transport is not None:
            return self.catalog.get(snapshot_id)
        known = self.catalog.recall(snapshot_id)
        if known is None:
            raise NotCached(
                f"This client is offline, and the cache has no snapshot {snapshot_id!r} of {self.place}. Pin one that "
                "was read online with the same cache: connect(snapshot_id=..., offline=True)."
            )
        return known

    def query(self, query: str, parameters: Mapping[str, Any]) -> pa.Table:
        """Query the server, bypassing the cache. Raises NotCached when offline."""
        return arrow.normal(self._online().read(query, parameters))

    def pinned(self, snapshot: Snapshot, query: Query) -> pa.Table:
        """Query the server for rows of the snapshot. Raises SnapshotChanged if it is not published any more."""
        with self._confirmed(snapshot, query) as batches:
            return arrow.normal(batches.read_all())

    def known(self, snapshot: Snapshot, query: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Like `kept`, and also kept in memory: metadata of a few snapshots that is needed repeatedly."""
        key = snapshot.identity, query
        table = self._known.get(key)
        if table is None:
            table = self.kept(snapshot, query, parameters)
            while len(self._known) >= _KNOWN:
                self._known.pop(next(iter(self._known)), None)
            self._known[key] = table
        return table

    def kept(self, snapshot: Snapshot, query: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """A small result about one snapshot, cached under its identity."""
        bound = {"snapshot_id": snapshot.snapshot_id, **(parameters or {})}
        key = {"format": FORMAT, "snapshot": snapshot.identity, "query": query, "parameters": bound}

        def fetch() -> pa.Table:
            table = self.query(query, bound)
            self.catalog.confirm(snapshot)
            return table

        return self._through(key, fetch)

    def series(
        self,
        view: View,
        snapshot: Snapshot,
        instruments: Sequence[str],
        timeframe: str,
        window: Window,
        columns: Sequence[str],
    ) -> dict[str, pa.Table]:
        """One table per series, by instrument: those of the columns that the server sends, and the time.

        `finished` adds the others. Raises ShortAnswer if the number of rows differs from the manifest, SnapshotChanged,
        NotReachable or QueryFailed.
        """
        wanted = [name for name in columns if name in (*view.values, *view.provenance)]
        needed = tuple(dict.fromkeys([view.time, *wanted]))
        read = self._through_cache if self.store else self._directly
        return read(view, snapshot, list(dict.fromkeys(instruments)), timeframe, window, needed)

    def whole(self, view: View, snapshot: Snapshot) -> pa.Table:
        """A small dataset as a whole: instruments, Fear & Greed; all columns except the pin's."""
        manifest = self.catalog.manifest(snapshot)
        columns = (*view.values, *view.provenance)
        rows = sum(manifest.rows(*key) for key in manifest.series(view.dataset))
        unit = Unit("", "", None, None, rows, manifest.content(view.dataset))
        key = unit.key(view, columns, snapshot.rules)
        query = queries.rows(view, columns, snapshot.snapshot_id)

        def fetch() -> pa.Table:
            table = self.pinned(snapshot, query)
            _require_rows(table.num_rows, rows, view.dataset, snapshot)
            return table

        return self._through(key, fetch)

    def _through(self, key: Key, fetch: Callable[[], pa.Table]) -> pa.Table:
        """One file of the cache, which `fetch` fills if needed; concurrent readers of the same wait."""
        if self.store is None:
            return fetch()
        stored = self.store.get(key)
        if stored is None:
            with self.store.locked(key):
                stored = self.store.get(key)
                if stored is None:
                    stored = fetch()
                    self.store.put([(key, stored)])
        return stored

    @contextmanager
    def _confirmed(self, snapshot: Snapshot, query: Query) -> Iterator[Batches]:
        """The result of the query. Raises SnapshotChanged if the id is not published as this snapshot any more."""
        with self._online().stream(query.text, query.parameters) as batches:
            # With the first bytes the query is planned: which version it reads is decided, so the id can be looked up
            # while the rows arrive.
            batches.wait()
            with ThreadPoolExecutor(1) as pool:
                confirmed = pool.submit(self.catalog.confirm, snapshot)
                yield batches
        confirmed.result()

    def close(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.close()

    def _remember(self, snapshot_id: str, rows: pa.Table | None) -> pa.Table | None:
        if self.store is None:
            return None
        key = {"format": FORMAT, "place": self.place, "registered": snapshot_id}
        stored = self.store.get(key)
        if rows is not None and (stored is None or not stored.equals(rows)):
            self.store.put([(key, rows)])
        return stored

    def _online(self) -> Transport:
        if self._transport is None:
            where = self.store.folder if self.store else "the cache"
            raise NotCached(
                f"This client is offline and {where} does not have the requested data. Read it once with "
                "offline=False, or request what was read before."
            )
        return self._transport

    def _directly(
        self,
        view: View,
        snapshot: Snapshot,
        instruments: Sequence[str],
        timeframe: str,
        window: Window,
        columns: Sequence[str],
    ) -> dict[str, pa.Table]:
        query = queries.series(view, columns, snapshot.snapshot_id, instruments, timeframe, window)
        table = self.pinned(snapshot, query)
        found = {instruments[0]: table} if len(instruments) == 1 else _by_instrument(table, instruments)
        manifest = self.catalog.manifest(snapshot)
        for one, part in found.items():
            _require_months(view, part, manifest, one, timeframe, window, snapshot)
        return found

    def _through_cache(
        self,
        view: View,
        snapshot: Snapshot,
        instruments: Sequence[str],
        timeframe: str,
        window: Window,
        columns: Sequence[str],
    ) -> dict[str, pa.Table]:
        manifest = self.catalog.manifest(snapshot)
        units = [unit for one in instruments for unit in _units(view, manifest, one, timeframe, window)]
        groups = [view.values]
        if any(name in view.provenance for name in columns):
            groups.append(view.provenance)
        per_group = [self._units(view, snapshot, units, group) for group in groups]
        found: dict[str, list[pa.Table]] = {one: [] for one in instruments}
        for unit in units:
            pieces = [stored[unit] for stored in per_group]
            piece = pieces[0] if len(pieces) == 1 else _beside(pieces)
            found[unit.instrument].append(piece.select(list(columns)))
        empty = None
        tables = {}
        for one, parts_of_one in found.items():
            if not parts_of_one:
                empty = empty if empty is not None else self._empty(view, snapshot, timeframe, columns)
                parts_of_one = [empty]
            tables[one] = cut(arrow.joined(parts_of_one), view.time, window)
        return tables

    def _empty(self, view: View, snapshot: Snapshot, timeframe: str, columns: Sequence[str]) -> pa.Table:
        query = queries.series(view, columns, snapshot.snapshot_id, ["none"], timeframe, (0, 0))
        return self.kept(snapshot, query.text, query.parameters)

    def _units(
        self, view: View, snapshot: Snapshot, units: Sequence[Unit], columns: Sequence[str]
    ) -> dict[Unit, pa.Table]:
        assert self.store is not None
        keys = {unit: unit.key(view, columns, snapshot.rules) for unit in units}
        found = self.stored(keys)
        absent = [unit for unit in units if unit not in found]
        if not absent:
            return found
        # One lock per series: readers of any part of it wait for the one that is fetching.
        locks = [{"series": (view.dataset, unit.instrument, unit.timeframe)} for unit in absent]
        with self.store.locked(*locks):
            found |= self.stored({unit: keys[unit] for unit in absent})
            absent = [unit for unit in absent if unit not in found]
            for batch in _batches(absent):
                fetched = self._fetched(view, snapshot, {unit: keys[unit] for unit in batch}, columns)
                # Use the memory-mapped copy, so that a long read does not stay in memory.
                mapped = self.stored({unit: keys[unit] for unit in fetched}) if len(absent) > len(batch) else {}
                found |= {unit: mapped.get(unit, table) for unit, table in fetched.items()}
        return found

    def stored(self, keys: Mapping[T, Key]) -> dict[T, pa.Table]:
        """Cached tables of these, by unit."""
        assert self.store is not None
        return self.store.get_all(keys)

    def _fetched(
        self, view: View, snapshot: Snapshot, keys: Mapping[Unit, Key], columns: Sequence[str]
    ) -> dict[Unit, pa.Table]:
        """The rows of the units from one query, split by the number of rows in the manifest, and stored under `keys`.

        Units are written while the next ones arrive, but stored only once the whole answer proved right.
        """
        assert self.store is not None
        ordered = sorted(keys, key=lambda unit: (unit.instrument, unit.start or 0))
        instruments = list(dict.fromkeys(unit.instrument for unit in ordered))
        starts, ends = [unit.start for unit in ordered], [unit.end for unit in ordered]
        window = (
            None if None in starts else min(start for start in starts if start is not None),
            None if None in ends else max(end for end in ends if end is not None),
        )
        sent = tuple(dict.fromkeys([view.time, *columns]))
        query = queries.series(view, sent, snapshot.snapshot_id, instruments, ordered[0].timeframe, window)
        fetched: dict[Unit, pa.Table] = {}
        with self.store.filling() as store:
            with self._confirmed(snapshot, query) as batches:
                cut = _Cutter(batches)
                for unit in ordered:
                    table = arrow.normal(cut.take(unit.rows))
                    _require_unit(view, unit, table, snapshot)
                    fetched[unit] = table.select(list(columns)).combine_chunks()
                    store(keys[unit], fetched[unit])
                rest = cut.rest()
            _require_rows(rest, 0, f"{view.dataset} beyond what the manifest lists", snapshot)
        return fetched


class _Cutter:
    """Takes tables of given lengths from a stream of batches."""

    def __init__(self, batches: Batches):
        self._schema = batches.schema
        self._batches: Iterator[pa.RecordBatch] = iter(batches)
        self._left: pa.RecordBatch | None = None

    def take(self, rows: int) -> pa.Table:
        """The next rows; fewer at the end of the stream."""
        taken, count = [], 0
        while count < rows:
            batch = self._left if self._left is not None else next(self._batches, None)
            self._left = None
            if batch is None:
                break
            piece = batch.slice(0, rows - count)
            if piece.num_rows < batch.num_rows:
                self._left = batch.slice(piece.num_rows)
            taken.append(piece)
            count += piece.num_rows
        return pa.Table.from_batches(taken, self._schema)

    def rest(self) -> int:
        """Number of remaining rows; reads the stream to its end."""
        left: int = self._left.num_rows if self._left is not None else 0
        return left + sum(int(batch.num_rows) for batch in self._batches)


def finished(
    view: View, table: pa.Table, columns: Sequence[str], snapshot: Snapshot, instrument: str, timeframe: str
) -> pa.Table:
    """The requested columns, including those that need no request."""
    if "close_time" in columns and "close_time" in view.derived:
        table = table.append_column("close_time", arrow.shifted(table[view.time], timeframes.length(timeframe)))
    pinned = dict(zip(PINNED, (snapshot.snapshot_id, snapshot.data_version), strict=True))
    return arrow.filled(table, columns, {**parts(instrument), "timeframe": timeframe, **pinned})


def _units(view: View, manifest: Manifest, instrument: str, timeframe: str, window: Window) -> list[Unit]:
    months = manifest.months(view.dataset, instrument, timeframe)
    if not timeframe:
        # A payment's interval depends on its neighbours, so a series of funding is a single unit.
        rows = manifest.rows(view.dataset, instrument)
        content = manifest.content(view.dataset, instrument)
        return [Unit(instrument, "", None, None, rows, content)] if rows else []
    start, end = window
    return [
        Unit(instrument, timeframe, month.start, month.end, month.rows, month.content)
        for month in months
        if (start is None or month.end > start) and (end is None or month.start < end)
    ]


def _batches(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Groups of units for one query each: consecutive months that all its series lack, with limited rows."""
    runs: dict[tuple[tuple[int | None, int | None], ...], list[list[Unit]]] = {}
    for run in _runs(units):
        runs.setdefault(tuple((unit.start, unit.end) for unit in run), []).append(run)
    for series in runs.values():
        batch: list[Unit] = []
        for run in series:
            if batch and sum(unit.rows for unit in (*batch, *run)) > _ROWS_PER_QUERY:
                yield batch
                batch = []
            batch.extend(run)
        yield batch


def _runs(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    run: list[Unit] = []
    for unit in units:
        follows = run and unit.instrument == run[-1].instrument and unit.start == run[-1].end
        if run and (not follows or sum(one.rows for one in run) + unit.rows > _ROWS_PER_QUERY):
            yield run
            run = []
        run.append(unit)
    if run:
        yield run


def _beside(pieces: Sequence[pa.Table]) -> pa.Table:
    """One table of the columns of all."""
    arrays = {name: piece[name] for piece in pieces for name in piece.column_names}
    return pa.table(arrays)


def _by_instrument(table: pa.Table, instruments: Sequence[str]) -> dict[str, pa.Table]:
    """One table per series from a table sorted by instrument_id, its first column."""
    counts = {row["values"]: row["counts"] for row in table["instrument_id"].value_counts().to_pylist()}
    found, offset = {}, 0
    rest = table.drop_columns(["instrument_id"])
    for one in sorted(instruments):
        count = counts.get(one, 0)
        found[one] = rest.slice(offset, count)
        offset += count
    return found


def cut(table: pa.Table, time: str, window: Window) -> pa.Table:
    """The rows of a table sorted by `time` that are in the window, ms since 1970."""
    if not table.num_rows:
        return table
    start, end = window
    column = table[time]
    first, last = 0, table.num_rows
    # The ends first, since whole months are read most, and all instants would be copied.
    if start is not None and column[0].value < start:
        first = int(np.searchsorted(_instants(column), start))
    if end is not None and column[-1].value >= end:
        last = int(np.searchsorted(_instants(column), end))
    return table.slice(first, max(0, last - first))


def _instants(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    instants: np.ndarray[Any, np.dtype[np.int64]] = column.cast(pa.int64()).to_numpy()
    return instants


def _require_months(
    view: View, table: pa.Table, manifest: Manifest, instrument: str, timeframe: str, window: Window, snapshot: Snapshot
) -> None:
    """Raise ShortAnswer unless every month entirely inside the window has as many rows as in the manifest."""
    instants = _instants(table[view.time]) if table.num_rows else np.array([], np.int64)
    for month in manifest.months(view.dataset, instrument, timeframe):
        if (window[0] is None or month.start >= window[0]) and (window[1] is None or month.end <= window[1]):
            found = int(np.searchsorted(instants, month.end) - np.searchsorted(instants, month.start))
            what = f"{instrument} {timeframe} in {times.as_text(month.start)[:7]}".replace("  ", " ")
            _require_rows(found, month.rows, what, snapshot)


def require_between(
    manifest: Manifest, instrument: str, timeframe: str, window: Window, found: int, snapshot: Snapshot
) -> None:
    """Raise ShortAnswer if the window cannot have `found` bars; months that it cuts may count in full or not at all."""
    months = manifest.months("bars", instrument, timeframe)
    touched = [
        m for m in months if (window[0] is None or m.end > window[0]) and (window[1] is None or m.start < window[1])
    ]
    inside = [
        m for m in touched if (window[0] is None or m.start >= window[0]) and (window[1] is None or m.end <= window[1])
    ]
    minimum, maximum = sum(month.rows for month in inside), sum(month.rows for month in touched)
    if not minimum <= found <= maximum:
        _require_rows(found, minimum if found < minimum else maximum, f"{instrument} {timeframe}", snapshot)


def _require_unit(view: View, unit: Unit, table: pa.Table, snapshot: Snapshot) -> None:
    """Raise ShortAnswer unless all rows belong to the unit: rows of the next one would fill up a short one."""
    is_own = np.ones(table.num_rows, bool)
    if "instrument_id" in table.column_names:
        found = table["instrument_id"]
        # Without spelling out a name for every row, as all rows are of one instrument unless something is wrong.
        if found.unique().cast(pa.string()).to_pylist() != [unit.instrument]:
            is_own &= pc.equal(found.cast(pa.string()), unit.instrument).to_numpy()
    what = unit.instrument
    if unit.start is not None and unit.end is not None:
        instants = _instants(table[view.time])
        is_own &= (instants >= unit.start) & (instants < unit.end)
        what = f"{unit.instrument} {unit.timeframe} in {times.as_text(unit.start)[:7]}"
    _require_rows(int(is_own.sum()), unit.rows, what, snapshot)


def _require_rows(found: int, expected: int, what: str, snapshot: Snapshot) -> None:
    if found != expected:
        raise ShortAnswer(
            f"The server returned {found:,} rows of {what}, but snapshot {snapshot.snapshot_id!r} has {expected:,}: "
            "nothing is returned. A lagging replica answers like this: try again. If it persists, "
            f"`mdw snapshot verify {snapshot.snapshot_id}` shows what differs."
        )
