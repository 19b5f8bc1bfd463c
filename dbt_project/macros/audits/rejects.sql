{#- Rejected rows that are not resolved yet. A row blocks publication until the same time of its series has been fetched
    again (the newer page has a good row, or its row is rejected and appears here itself), or until it is quarantined.
    -#}
{%- macro unresolved_rejects() -%}
with rejected as (
    select * from {{ ref('dq_rejected_rows') }} final where {{ open_rows() }}
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
        -- A page without a window, such as one of a live feed, resolves nothing.
        and (isNotNull(newer.window_start) or rejected.dataset in ('instruments', 'fear_greed'))
        and ifNull(newer.window_start <= coalesce(rejected.event_time, bad.window_start), true)
        and ifNull(newer.window_last >= coalesce(rejected.event_time, bad.window_last), true)
),

withheld as (
    select
        rejected.page_id as page_id,
        rejected.raw_row as raw_row
    from rejected
    inner join ({{ active_quarantines(build_version()) }}) as quarantine
        on rejected.dataset = quarantine.dataset and rejected.instrument_id = quarantine.instrument_id
    where
        quarantine.timeframe in ('', rejected.timeframe)
        and ifNull(rejected.event_time >= quarantine.range_start and rejected.event_time < quarantine.range_end, true)
        and (quarantine.action = 'without' or rejected.ingested_at <= quarantine.recorded_at)
)

select * from rejected
where
    (page_id, raw_row) not in (select resolved.page_id, resolved.raw_row from resolved)
    and (page_id, raw_row) not in (select withheld.page_id, withheld.raw_row from withheld)
{%- endmacro -%}
