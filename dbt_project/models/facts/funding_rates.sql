{{
    config(
        materialized='versioned',
        unique_key=['instrument_id', 'funding_time'],
        partition_by='toYear(funding_time)',
        post_hook="{{ apply_quarantine('funding') }}",
        meta={
            'entities': ['funding'],
            'rows_of_every_page': true,
            'keep_on_null': ['mark_price'],
            'jitters': ['funding_time_raw'],
        },
    )
}}
{#- The build records conflicting rows there before it adds the others. #}
{%- set waits_for = ref('dq_conflicting_rows') %}

with candidates as ({{ union_leaves('funding', 'funding_rates') }}
)

select
    instrument_id,
    venue,
    symbol,
    -- The venue's times are some ms after the full minute.
    toDateTime64(toStartOfMinute(addSeconds(assumeNotNull(funding_time_raw), 30)), 3, 'UTC') as funding_time,
    assumeNotNull(funding_time_raw) as funding_time_raw,
    assumeNotNull(funding_rate) as funding_rate,
    mark_price,
    source,
    ingested_at,
    {{ version_columns() }}
from candidates
where problem = ''
