"""When a listing counts as complete: only a complete listing proves that something is absent.

A venue that pages its list says so (PageSummary.more), and every page is fetched. Apart from that, nothing in a
response shows that it is complete, so it is compared with earlier ones: no venue drops a tenth of its instruments in
a day, and the history of the Fear & Greed index only grows. A list that has really become that much shorter is
accepted after a week.
"""

from dataclasses import dataclass
from datetime import datetime

from clickhouse_connect.driver.client import Client

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, to_ms
from warehouse.utc import aware_utc

LISTINGS = ("instruments", "fear_greed")
REMEMBERED_DAYS = 7
# One record in ten may disappear, and at least one.
_MAX_GONE = 10
# Some days are permanently missing from the index.
_SLACK_MS = 7 * 24 * 60 * MINUTE_MS

# Pages of one listing have the same fetched_at. Versions before `proof` accepted every response.
_SEEN = """
with answers as (
    select dataset, venue, market, fetched_at, sum(row_count) as records, countIf(proof != 'part') > 0 as is_whole
    from (
        select distinct page_id, dataset, venue, market, fetched_at, row_count, proof
        from ops.coverage
        where row_count > 0 and dataset in {datasets:Array(String)}
    )
    group by dataset, venue, market, fetched_at
)
select dataset, venue, market, maxIf(fetched_at, is_whole) as last_whole,
       greatest(
           maxIf(records, fetched_at > subtractDays(now64(6, 'UTC'), {days:UInt32})),
           argMaxIf(records, fetched_at, fetched_at <= subtractDays(now64(6, 'UTC'), {days:UInt32}))
       ) as records
from answers
group by dataset, venue, market
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing as it landed: the time of its last complete response (UTC), and the expected number of records."""

    last_whole: datetime | None
    records: int


def landed_listings(client: Client) -> dict[Series, Listing]:
    """All listings that have landed."""
    rows = client.query(_SEEN, parameters={"datasets": list(LISTINGS), "days": REMEMBERED_DAYS}).result_rows
    return {
        Series(*key): Listing(aware_utc(moment) if moment.year > 1970 else None, records)
        for *key, moment, records in rows
    }


def is_due(listing: Listing | None, now: datetime) -> bool:
    """True once per UTC day, and after an incomplete response."""
    return listing is None or listing.last_whole is None or listing.last_whole.date() < now.date()


def min_rows(known: Listing | None) -> int:
    """A response with fewer records than this is not complete."""
    records = known.records if known else 0
    return max(records - max(records // _MAX_GONE, 1), 0)


def reaches_back_to(endpoint: Endpoint, start: int) -> int | None:
    """The latest time (ms since 1970) at which a complete history may begin; None for other listings.

    `start` is the beginning of the wanted history.
    """
    return None if endpoint.history_start is None else max(start, to_ms(endpoint.history_start)) + _SLACK_MS
