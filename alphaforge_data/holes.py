"""Missing bars of a series, counted on its time grid, and why each is missing."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

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
NOBODY_ASKED = "not_fetched"
Range = tuple[int, int]
Cause = tuple[int, int, str]


def holes(times: pa.ChunkedArray, grid: tuple[int, int, int]) -> list[Range]:
    """Every maximal range of absent bars in milliseconds since 1970, end exclusive.

    `times`: sorted open times; `grid`: start, end and step of the window in milliseconds. Bars of the window
    open on multiples of the step since 1970.
    """
    start, end, step = grid
    first, stop = -(-start // step) * step, -(-end // step) * step
    inner = times.cast(pa.int64()).combine_chunks()
    edges = pa.concat_arrays([pa.array([first - step], pa.int64()), inner, pa.array([stop], pa.int64())])
    before, after = edges.slice(0, len(edges) - 1), edges.slice(1)
    wide = pc.greater(pc.subtract(after, before), step)
    return list(zip(pc.add(before.filter(wide), step).to_pylist(), after.filter(wide).to_pylist(), strict=True))


def explained(missing: list[Range], causes: pa.Table, instrument: str, timeframe: str, step: int) -> pa.Table:
    """`missing` cut where its cause changes. `causes`: gap_start, gap_end and class of the series, in order of time.

    What no cause covers was never asked for: not_fetched.
    """
    columns = [causes[name].cast(pa.int64()).to_pylist() for name in ("gap_start", "gap_end")]
    known = _joined(zip(*columns, causes["class"].to_pylist(), strict=True))
    rows = [piece for hole in missing for piece in _pieces(hole, known)]
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


def _pieces(hole: Range, known: list[Cause]) -> Iterator[Cause]:
    """The hole, cut where its cause changes."""
    begin, end = hole
    while begin < end:
        position = bisect_right(known, begin, key=itemgetter(1))
        start, stop, cause = known[position] if position < len(known) else (end, end, NOBODY_ASKED)
        if begin < start:
            start, stop, cause = begin, start, NOBODY_ASKED
        stop = min(stop, end)
        yield begin, stop, cause
        begin = stop


def _joined(known: Iterable[Cause]) -> list[Cause]:
    """Neighbours of one cause as one range."""
    ranges: list[Cause] = []
    for start, end, cause in known:
        if ranges and ranges[-1][1:] == (start, cause):
            start = ranges.pop()[0]
        ranges.append((start, end, cause))
    return ranges
