{{
    config(
        materialized='versioned',
        unique_key=['dataset', 'page_id', 'raw_row'],
        meta={'entities': ['bars', 'funding', 'instruments', 'fear_greed']},
    )
}}

{%- set event_time = {
    'bars': 'open_time', 'funding': 'funding_time_raw', 'instruments': 'cast(null as Nullable(DateTime64(3)))',
    'fear_greed': "toDateTime64(date, 3, 'UTC')"} %}
{#- Listings hold thousands of instruments that nobody asked for. -#}
{%- set of_the_universe = 'instrument_id in (select u.instrument_id from ' ~ ref('universe_series') ~ ' as u)' %}

with rejected as (
    {%- for dataset, time in event_time.items() %}
    {%- set is_series = dataset != 'fear_greed' %}
    select
        toLowCardinality('{{ dataset }}') as dataset,
        page_id,
        raw_row,
        {{ 'instrument_id' if is_series else "toLowCardinality('')" }} as instrument_id,
        {{ 'timeframe' if dataset == 'bars' else "toLowCardinality('')" }} as timeframe,
        cast({{ time }} as Nullable(DateTime64(3, 'UTC'))) as event_time,
        problem as reason,
        source,
        ingested_at
    from ({{ union_leaves(dataset, 'dq_rejected_rows') }})
    where problem != '' and {{ of_the_universe if dataset == 'instruments' else 'true' }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    dataset,
    page_id,
    raw_row,
    instrument_id,
    timeframe,
    event_time,
    reason,
    source,
    ingested_at,
    {{ version_columns() }}
from rejected
