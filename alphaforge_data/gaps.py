"""Missing bars of a series, determined on its time grid, and their causes."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import timeframes, times
from alphaforge_data.errors import BadRequest, MissingBars
from alphaforge_data.times import Time

SCHEMA = pa.schema(
    [
        ("instrument_id", pa.string()),
        ("timeframe", pa.string()),
        ("gap_start", pa.timestamp("ms", "UTC")),
        ("gap_end", pa.timestamp("ms", "UTC")),
        ("missing_bars", pa.int64()),
        ("class", pa.string()),
    ]
)
# For all series at once: the server takes longer to plan this query than to run it.
QUERY = (
    "select instrument_id, timeframe, gap_start, gap_end, missing_bars, class "
    "from marts.v_bar_gaps_at(snapshot_id = {snapshot_id:String}) order by instrument_id, timeframe, gap_start"
)
NOT_FETCHED = "not_fetched"
# A century of minutes.
_MAX_ROWS = 52_560_000
Range = tuple[int, int]
Cause = tuple[int, int, str]


def grid(start: int, end: int, step: int) -> Range:
    """The first open time at or after `start`, and the first at or after `end`: milliseconds since 1970."""
    begin = timeframes.origin(step)
    return -(-(start - begin) // step) * step + begin, -(-(end - begin) // step) * step + begin


def floor(instant: int, step: int) -> int:
    """The last open time at or before the instant, ms since 1970."""
    begin = timeframes.origin(step)
    return (instant - begin) // step * step + begin


def open_times(start: int, end: int, step: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Every open time of the window. Raises BadRequest if there are too many for memory."""
    first, stop = grid(start, end, step)
    count = (stop - first) // step
    if count > _MAX_ROWS:
        raise BadRequest(
            f"The window from {times.as_text(start)} to {times.as_text(end)} has {count:,} open times, more than "
            f"{_MAX_ROWS:,}: narrow start and end, or read it in pieces with Client.iter_bars."
        )
    return np.arange(first, stop, step, dtype=np.int64)


def missing(open_times: pa.ChunkedArray, start: int, end: int, step: int) -> list[Range]:
    """Every maximal range of absent bars in milliseconds since 1970, end exclusive.

    `open_times`: sorted; `start`, `end` and `step` of the window in milliseconds.
    """
    first, stop = grid(start, end, step)
    inner = open_times.cast(pa.int64()).combine_chunks()
    edges = pa.concat_arrays([pa.array([first - step], pa.int64()), inner, pa.array([stop], pa.int64())])
    before, after = edges.slice(0, len(edges) - 1), edges.slice(1)
    wide = pc.greater(pc.subtract(after, before), step)
    return list(zip(pc.add(before.filter(wide), step).to_pylist(), after.filter(wide).to_pylist(), strict=True))


def explained(ranges: list[Range], causes: pa.Table, instrument: str, timeframe: str) -> pa.Table:
    """The ranges, cut where their cause changes. `causes`: gap_start, gap_end and class of the series, sorted.

    What no cause covers was never requested: not_fetched.
    """
    step = timeframes.length(timeframe)
    columns = [causes[name].cast(pa.int64()).to_pylist() for name in ("gap_start", "gap_end")]
    known = _merged(zip(*columns, causes["class"].to_pylist(), strict=True))
    rows = [piece for gap in ranges for piece in _pieces(gap, known)]
    starts, ends, classes = zip(*rows, strict=True) if rows else ((), (), ())
    stamp = pa.timestamp("ms", "UTC")
    return pa.table(
        {
            "instrument_id": pa.repeat(pa.scalar(instrument), len(rows)),
            "timeframe": pa.repeat(pa.scalar(timeframe), len(rows)),
            "gap_start": pa.array(starts, pa.int64()).cast(stamp),
            "gap_end": pa.array(ends, pa.int64()).cast(stamp),
            "missing_bars": pa.array([(end - start) // step for start, end, _ in rows], pa.int64()),
            "class": pa.array(classes, pa.string()),
        },
        schema=SCHEMA,
    )


def of_series(causes: pa.Table, instrument: str, timeframe: str) -> pa.Table:
    """The rows of one series."""
    names, frames = (causes[name].cast(pa.string()) for name in ("instrument_id", "timeframe"))
    return causes.filter(pc.and_(pc.equal(names, instrument), pc.equal(frames, timeframe)))


def error(found: pa.Table, what: str) -> MissingBars:
    """The error that names the ranges and their classes; `what` says what is missing."""
    rows = found.to_pylist()
    shown = "; ".join(
        f"{row['instrument_id']} {times.as_text(_ms(row['gap_start']))} to {times.as_text(_ms(row['gap_end']))}: "
        f"{row['missing_bars']} x {row['timeframe']}, {row['class']}"
        for row in rows[:5]
    )
    more = f"; and {len(rows) - 5} more ranges" if len(rows) > 5 else ""
    return MissingBars(f"{what}: {shown}{more}. Client.gaps() lists every range with its class.")


def _ms(moment: Time) -> int:
    return times.milliseconds("gap", moment)


def _pieces(gap: Range, known: list[Cause]) -> Iterator[Cause]:
    """The gap, cut where its cause changes."""
    begin, end = gap
    while begin < end:
        position = bisect_right(known, begin, key=itemgetter(1))
        start, stop, cause = known[position] if position < len(known) else (end, end, NOT_FETCHED)
        if begin < start:
            start, stop, cause = begin, start, NOT_FETCHED
        stop = min(stop, end)
        yield begin, stop, cause
        begin = stop


def _merged(known: Iterable[Cause]) -> list[Cause]:
    """Merge adjacent ranges with the same cause."""
    ranges: list[Cause] = []
    for start, end, cause in known:
        if ranges and ranges[-1][1:] == (start, cause):
            start = ranges.pop()[0]
        ranges.append((start, end, cause))
    return ranges
