"""Overviews of a snapshot: its series, the condition of its days, the states of its instruments."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import arrow, extents, gaps, times
from alphaforge_data.errors import BadRequest
from alphaforge_data.names import Known, Names, market, several
from alphaforge_data.queries import Window
from alphaforge_data.reading import Reader
from alphaforge_data.snapshots import Snapshot

DATASETS = ("bars", "funding", "instruments", "fear_greed")
CLASSES = (
    "not_fetched",
    "venue_outage",
    "no_trade",
    "halted",
    "before_listing",
    "after_delisting",
    "quarantined",
)
_CONDITION = (
    "select dataset, instrument_id, timeframe, day, condition, found_rows, expected_rows, reason, changed_at "
    "from marts.v_dataset_condition_at(snapshot_id = {snapshot_id:String}) "
    "order by dataset, instrument_id, timeframe, day"
)


def series(reader: Reader, snapshot: Snapshot, dataset: str | None) -> pa.Table:
    """One row per series: its first and last time, its number of rows, and for bars the missing ones by class."""
    if dataset is not None:
        _require_dataset(dataset)
    manifest = reader.catalog.manifest(snapshot)
    found = manifest.series(dataset)
    reach: dict[extents.Series, tuple[int, int]] = {}
    for name in {key[0] for key in found}:
        reach |= extents.of_dataset(reader, snapshot, name)
    missing = _missing(reader, snapshot) if any(key[0] == "bars" for key in found) else {}
    rows = []
    for key in found:
        of_class = missing.get(key[1:], {}) if key[0] == "bars" else None
        row: dict[str, Any] = dict(zip(("dataset", "instrument_id", "timeframe"), key, strict=True))
        first, last = (times.EPOCH + bound * times.MILLISECOND for bound in reach[key])
        row |= {"first": first, "last": last, "rows": manifest.rows(*key)}
        row["missing_bars"] = None if of_class is None else sum(of_class.values())
        for name in CLASSES:
            row[f"missing_{name}"] = None if of_class is None else of_class.get(name, 0)
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=_SERIES)


def condition(
    reader: Reader,
    snapshot: Snapshot,
    dataset: str | None,
    window: tuple[str | None, str | None],
    instruments: Sequence[str] | None,
) -> pa.Table:
    """Rows of v_dataset_condition_at. Raises BadRequest if it has none of the dataset or of an instrument."""
    table = reader.known(snapshot, _CONDITION)
    what = "no rows"
    if dataset is not None:
        table = table.filter(pc.equal(table["dataset"].cast(pa.string()), dataset))
        what = f"no {dataset}"
    require_rows(table, snapshot, what)
    if instruments is not None:
        names = table["instrument_id"].cast(pa.string())
        held = sorted(set(names.unique().to_pylist()) - {""})
        for one in instruments:
            if one not in held:
                raise BadRequest(
                    f"Snapshot {snapshot.snapshot_id!r} has {what} of {one!r}, so no condition of it; it has: "
                    f"{', '.join(held[:8]) or 'nothing'}{' and more' if len(held) > 8 else ''}."
                )
        table = table.filter(pc.is_in(names, pa.array(instruments)))
    return in_days(table, "day", window, snapshot)


def require_rows(table: pa.Table, snapshot: Snapshot, what: str) -> None:
    """Raise BadRequest if the snapshot has no rows at all; `what`: such as 'no instruments'."""
    if not table.num_rows:
        raise BadRequest(f"Snapshot {snapshot.snapshot_id!r} has {what}. Client.series() lists what it has.")


def of_names(
    table: pa.Table,
    known: Known,
    venue: Names | None,
    market_name: str | None,
    symbol: Names | None,
    instruments: Names | None,
) -> pa.Table:
    """Instruments filtered by venue, market, symbol or id. Raises BadRequest for unknown names."""
    if instruments is not None:
        if (venue, market_name, symbol) != (None, None, None):
            raise BadRequest("Pass either instruments, or any of venue, market and symbol.")
        ids = known.chosen(None, instruments, None, "spot")
        return table.filter(pc.is_in(table["instrument_id"].cast(pa.string()), pa.array(ids)))
    if venue is not None:
        venues = [known.venue(name) for name in several("venue", venue)]
        table = table.filter(pc.is_in(table["venue"].cast(pa.string()), pa.array(venues)))
    if market_name is not None:
        table = table.filter(pc.equal(table["market"].cast(pa.string()), market(market_name)))
    if symbol is not None:
        ids = known.of_symbols(symbol, set(table["instrument_id"].cast(pa.string()).to_pylist()))
        table = table.filter(pc.is_in(table["instrument_id"].cast(pa.string()), pa.array(ids)))
    if not table.num_rows and (venue is not None or market_name is not None):
        held = sorted({":".join(one.split(":")[:2]) for one in known.ids})
        raise BadRequest(
            f"The snapshot has no instruments of market {market_name!r} at venue {venue!r}; it has: {', '.join(held)}."
        )
    return table


def states_at(table: pa.Table, instant: int, snapshot: Snapshot, every: bool) -> pa.Table:
    """The state of each instrument that was valid at the time `instant`.

    Raises BadRequest before the first known state of all instruments, or with `every` of one of them.
    """
    at = pa.scalar(instant, pa.int64()).cast(pa.timestamp("ms", "UTC"))
    seen = table.group_by("instrument_id").aggregate([("valid_from", "min")])
    unseen = seen.filter(pc.greater(seen["valid_from_min"], at))
    if unseen.num_rows and (every or unseen.num_rows == seen.num_rows):
        first = unseen.sort_by([("valid_from_min", "ascending")]).slice(0, 1).to_pylist()[0]
        begin = times.as_text(times.milliseconds("first", first["valid_from_min"]))
        raise BadRequest(
            f"at is {times.as_text(instant)}; the first state in snapshot {snapshot.snapshot_id!r} of "
            f"{first['instrument_id']} is of {begin}: nothing is known about the time before."
        )
    begun = pc.less_equal(table["valid_from"], at)
    lasting = pc.fill_null(pc.greater(table["valid_to"], at), True)
    return table.filter(pc.and_(begun, lasting))


def in_days(table: pa.Table, column: str, window: tuple[str | None, str | None], snapshot: Snapshot) -> pa.Table:
    """The rows whose day is in [start, end), ISO 8601. Raises BadRequest if the window does not overlap the table."""
    days = table[column].cast(pa.date32())
    is_in = pa.array([True] * table.num_rows)
    for bound, compare in zip(window, (pc.greater_equal, pc.less), strict=True):
        if bound is not None:
            is_in = pc.and_(is_in, compare(days, pa.scalar(dt.date.fromisoformat(bound))))
    found = table.filter(is_in)
    if table.num_rows and not found.num_rows:
        first, last = (pc.min(days).as_py(), pc.max(days).as_py())
        outside = (window[0] is not None and window[0] > last.isoformat()) or (
            window[1] is not None and window[1] <= first.isoformat()
        )
        if outside:
            requested = " to ".join(bound or "open" for bound in window)
            raise BadRequest(
                f"These days of snapshot {snapshot.snapshot_id!r} reach from {first} to {last}; requested: {requested}."
            )
    return found


def require_overlap(reader: Reader, snapshot: Snapshot, instrument: str, window: Window) -> None:
    """Raise BadRequest if the window does not overlap an instrument's funding in the snapshot."""
    first, last = extents.of_dataset(reader, snapshot, "funding")["funding", instrument, ""]
    if (window[0] is not None and window[0] > last) or (window[1] is not None and window[1] <= first):
        requested = " to ".join("open" if bound is None else times.as_text(bound) for bound in window)
        raise BadRequest(
            f"Funding of {instrument} reaches from {times.as_text(first)} to {times.as_text(last)} in snapshot "
            f"{snapshot.snapshot_id!r}; requested: {requested}."
        )


def extents_table(rows: Sequence[tuple[str, str, int | None, int | None, int]]) -> pa.Table:
    """instrument_id, timeframe, first_open_time, last_close_time and bars."""
    ids, frames, first, last, bars = zip(*rows, strict=True)
    columns = {"instrument_id": pa.array(ids).cast(arrow.TEXT), "timeframe": pa.array(frames).cast(arrow.TEXT)}
    for name, values in (("first_open_time", first), ("last_close_time", last)):
        columns[name] = pa.array(values, pa.int64()).cast(_INSTANT)
    return pa.table(columns | {"bars": pa.array(bars, pa.int64())})


def _missing(reader: Reader, snapshot: Snapshot) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    keys = ["instrument_id", "timeframe", "class"]
    causes = reader.known(snapshot, gaps.QUERY).select([*keys, "missing_bars"])
    texts = [causes[name].cast(pa.string()) for name in keys]
    table = pa.table([*texts, causes["missing_bars"]], names=[*keys, "missing_bars"])
    for row in table.group_by(keys).aggregate([("missing_bars", "sum")]).to_pylist():
        found.setdefault((row["instrument_id"], row["timeframe"]), {})[row["class"]] = row["missing_bars_sum"]
    return found


def _require_dataset(dataset: str) -> None:
    if dataset not in DATASETS:
        raise BadRequest(f"dataset is {dataset!r}; allowed: {', '.join(DATASETS)}.")


_INSTANT = pa.timestamp("ms", "UTC")
_SERIES = pa.schema(
    [
        ("dataset", pa.string()),
        ("instrument_id", pa.string()),
        ("timeframe", pa.string()),
        ("first", _INSTANT),
        ("last", _INSTANT),
        ("rows", pa.int64()),
        ("missing_bars", pa.int64()),
        *((f"missing_{name}", pa.int64()) for name in CLASSES),
    ]
)
