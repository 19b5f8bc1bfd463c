{{
    config(
        materialized='versioned',
        unique_key=['instrument_id', 'timeframe', 'open_time'],
        partition_by='toYYYYMM(open_time)',
        post_hook="{{ apply_quarantine('bars') }}",
        meta={'entities': ['bars'], 'rows_of_every_page': true},
    )
}}
{#- The build records conflicting rows there before it adds the others. #}
{%- set waits_for = ref('dq_conflicting_rows') %}

with candidates as ({{ union_leaves('bars', 'bars') }}
)

select
    instrument_id,
    venue,
    market,
    symbol,
    timeframe,
    assumeNotNull(open_time) as open_time,
    assumeNotNull(open) as open,
    assumeNotNull(high) as high,
    assumeNotNull(low) as low,
    assumeNotNull(close) as close,
    assumeNotNull(volume) as volume,
    quote_volume,
    trade_count,
    source,
    ingested_at,
    {{ version_columns() }}
from candidates
where problem = ''
