"""Missing bars of a series, counted on its time grid."""

import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [
        ("instrument_id", pa.string()),
        ("timeframe", pa.string()),
        ("gap_start", pa.timestamp("ms", "UTC")),
        ("gap_end", pa.timestamp("ms", "UTC")),
        ("missing_bars", pa.int64()),
    ]
)


def holes(times: pa.ChunkedArray, instrument: str, timeframe: str, grid: tuple[int, int, int]) -> pa.Table:
    """Every maximal range of absent bars: gap_start inclusive, gap_end exclusive.

    `times`: sorted open times; `grid`: start, end and step of the window in milliseconds. Bars of the window
    open on multiples of the step since 1970.
    """
    start, end, step = grid
    first, stop = -(-start // step) * step, -(-end // step) * step
    inner = times.cast(pa.int64()).combine_chunks()
    ends = [pa.array([first - step], pa.int64()), inner, pa.array([stop], pa.int64())]
    edges = pa.concat_arrays(ends)
    before, after = edges.slice(0, len(edges) - 1), edges.slice(1)
    wide = pc.greater(pc.subtract(after, before), step)
    gap_start, gap_end = pc.add(before.filter(wide), step), after.filter(wide)
    count = len(gap_start)
    stamp = pa.timestamp("ms", "UTC")
    missing = pc.divide(pc.subtract(gap_end, gap_start), step)
    names = [pa.repeat(pa.scalar(text), count) for text in (instrument, timeframe)]
    return pa.Table.from_arrays([*names, gap_start.cast(stamp), gap_end.cast(stamp), missing], schema=SCHEMA)
