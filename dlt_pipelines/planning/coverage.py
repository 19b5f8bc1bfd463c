"""Reads the coverage: the windows that landed pages prove (ops.coverage)."""

from collections import defaultdict
from collections.abc import Sequence

from clickhouse_connect.driver.client import Client

from dlt_pipelines.core.intervals import Windows
from dlt_pipelines.core.series import Series

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
