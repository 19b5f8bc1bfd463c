"""What the ledger (ops.coverage) proves to have been asked for."""

from collections import defaultdict
from collections.abc import Sequence

from clickhouse_connect.driver.client import Client

from dlt_pipelines.core.series import Series

Windows = list[tuple[int, int]]

# Windows that touch or overlap become one island each: a window opens an island where it starts after
# everything before it has ended.
_MERGED = """
select dataset, venue, market, symbol, timeframe,
       toUnixTimestamp64Milli(min(window_start)), toUnixTimestamp64Milli(max(window_end))
from (
    select *, sum(opens) over (partition by dataset, venue, market, symbol, timeframe
                               order by window_start, window_end
                               rows between unbounded preceding and current row) as island
    from (
        select dataset, venue, market, symbol, timeframe,
               assumeNotNull(window_start) as window_start, assumeNotNull(window_end) as window_end,
               window_start > max(window_end) over (
                   partition by dataset, venue, market, symbol, timeframe order by window_start, window_end
                   rows between unbounded preceding and 1 preceding) as opens
        from (
            select dataset, venue, market, symbol, timeframe, window_start, window_end
            from ops.coverage
            where window_start is not null and window_end is not null and venue in {venues:Array(String)}
        )
    )
)
group by dataset, venue, market, symbol, timeframe, island
order by dataset, venue, market, symbol, timeframe, 6
"""


def covered(client: Client, series: Sequence[Series]) -> dict[Series, Windows]:
    """Windows by series, sorted, disjoint, in ms since 1970, start inclusive and end exclusive."""
    venues = sorted({one.venue for one in series})
    found: dict[Series, Windows] = defaultdict(list)
    for *key, start, end in client.query(_MERGED, parameters={"venues": venues}).result_rows:
        found[Series(*key)].append((start, end))
    return found


def subtract(start: int, end: int, done: Windows) -> Windows:
    """[start, end) without the windows in `done` (sorted, disjoint)."""
    holes: Windows = []
    for done_start, done_end in done:
        if done_end <= start:
            continue
        if done_start >= end:
            break
        if done_start > start:
            holes.append((start, done_start))
        start = done_end
    if start < end:
        holes.append((start, end))
    return holes


def merge(windows: Windows) -> Windows:
    """The same instants as sorted windows that do not touch."""
    merged: Windows = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
