"""Requests windows again for which a venue returned too few bars, each time after a longer wait.

If a venue has a bar for every minute, even without a trade, a missing bar means that it was down, or that it served
the page too early. If it has none (Endpoint.sparse), only an empty window means that. Some venues fill such holes
later. When a window was requested is recorded in its pages; no other state is kept.
"""

from datetime import UTC, datetime, timedelta

from clickhouse_connect.driver.client import Client

from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import TIMEFRAMES
from dlt_pipelines.venues import VENUES
from warehouse.utc import aware_utc

# Counted from the first response; after the last step a window is not requested any more.
SCHEDULE = tuple(timedelta(**wait) for wait in ({"hours": 1}, {"hours": 6}, {"days": 1}, {"days": 7}, {"days": 30}))

# Pages before the first one with a row are from before the listing: not an outage.
_SHORT = """
with pages as (
    select dataset, venue, market, symbol, timeframe, window_start, window_end, row_count, fetched_at,
           minIf(window_end, row_count > 0) over (partition by venue, market, symbol, timeframe) as begins,
           toUnixTimestamp64Milli(assumeNotNull(window_start)) as start_ms,
           toUnixTimestamp64Milli(assumeNotNull(window_end)) as end_ms
    from ops.coverage
    where dataset = 'bars' and lane = 'rest' and window_start is not null and window_end is not null
        and venue in {venues:Array(String)}
)
select dataset, venue, market, symbol, timeframe, start_ms, end_ms, max(row_count), min(fetched_at), max(fetched_at)
from pages
where window_end >= begins
group by dataset, venue, market, symbol, timeframe, start_ms, end_ms
having max(row_count) < intDiv(
    end_ms - start_ms, transform(toString(timeframe), {frames:Array(String)}, {steps:Array(Int64)}, toInt64(60000)))
order by dataset, venue, market, symbol, timeframe, start_ms
"""


def due(first_requested: datetime, last_requested: datetime, now: datetime) -> bool:
    """Whether a step of the schedule has passed since the window was last requested."""
    return any(last_requested < first_requested + wait <= now for wait in SCHEDULE)


def outage_requests(client: Client, series: list[Series], clock_ms: int) -> list[PageRequest]:
    """Requests for the windows of these series that are due; `clock_ms` is roughly the venues' time."""
    wanted = {one for one in series if one.dataset == "bars"}
    parameters = {
        "venues": sorted({one.venue for one in wanted}),
        "frames": list(TIMEFRAMES),
        "steps": list(TIMEFRAMES.values()),
    }
    requests: list[PageRequest] = []
    now = datetime.now(UTC)
    for *key, start, end, rows, first, last in client.query(_SHORT, parameters=parameters).result_rows:
        one = Series(*key)
        endpoint = VENUES[one.venue].endpoint(one, start, clock_ms)
        if one in wanted and not (rows and endpoint.sparse) and due(aware_utc(first), aware_utc(last), now):
            requests.append(PageRequest(one, endpoint, start, end))
    return requests
