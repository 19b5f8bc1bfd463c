"""When the answer of a listing counts as all there is: only such an answer proves that something is absent.

A venue that gives its list in pages says so (PageSummary.more); every page is fetched. Apart from that, nothing in an
answer says that it is whole, so it is compared with the answers before it: no venue drops a tenth of its instruments
in a day, and the history of the Fear & Greed index only grows. A list that has really become so much shorter is
believed after a week.
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
# One record in ten may be gone, and always one.
_MOST_GONE = 10
# Single days are missing from it for ever.
_SLACK_MS = 7 * 24 * 60 * MINUTE_MS

# Pages of one answer have the same time. Software before `proof` believed every answer.
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
    """What the ledger knows of a listing: its last complete answer (UTC), and how many records it is to have."""

    last_whole: datetime | None
    records: int


def seen(client: Client) -> dict[Series, Listing]:
    """Every listing that landed."""
    rows = client.query(_SEEN, parameters={"datasets": list(LISTINGS), "days": REMEMBERED_DAYS}).result_rows
    return {
        Series(*key): Listing(aware_utc(moment) if moment.year > 1970 else None, records)
        for *key, moment, records in rows
    }


def is_due(listing: Listing | None, now: datetime) -> bool:
    """Once a UTC day, and again after an answer that was not complete."""
    return listing is None or listing.last_whole is None or listing.last_whole.date() < now.date()


def least_rows(known: Listing | None) -> int:
    """Fewer records than this are not the whole list."""
    records = known.records if known else 0
    return max(records - max(records // _MOST_GONE, 1), 0)


def reaches_back_to(endpoint: Endpoint, start: int) -> int | None:
    """The time (ms since 1970) that the oldest record of a history must not be later than; None where it has none.

    `start` is where history is wanted from.
    """
    return None if endpoint.history_start is None else max(start, to_ms(endpoint.history_start)) + _SLACK_MS
