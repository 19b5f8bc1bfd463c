-- A row that could not be read blocks publication until the same moment of its series was fetched again: the newer
-- page either brings a good row, or is rejected and stands here itself.
-- Repair: `mdw backfill --refetch` for the series and range.
with rejected as (
    select * from {{ ref('dq_rejected_rows') }} final where valid_to_version = 4294967295
),

pages as (
    select
        page_id, dataset, venue, market, symbol, timeframe, fetched_at,
        window_start,
        subtractMilliseconds(window_end, 1) as window_last
    from {{ source('ops', 'coverage') }}
    where dataset in (select rejected.dataset from rejected)
),

resolved as (
    select distinct
        rejected.page_id as page_id,
        rejected.raw_row as raw_row
    from rejected
    inner join pages as bad on rejected.page_id = bad.page_id
    inner join pages as newer
        on
            bad.dataset = newer.dataset
            and bad.venue = newer.venue
            and bad.market = newer.market
            and bad.symbol = newer.symbol
            and bad.timeframe = newer.timeframe
    where
        newer.fetched_at > rejected.ingested_at
        and ifNull(newer.window_start <= coalesce(rejected.event_time, bad.window_start), true)
        and ifNull(newer.window_last >= coalesce(rejected.event_time, bad.window_last), true)
)

select * from rejected
where (page_id, raw_row) not in (select resolved.page_id, resolved.raw_row from resolved)
