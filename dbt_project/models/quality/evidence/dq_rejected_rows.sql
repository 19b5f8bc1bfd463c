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
{#- Also rows of which only optional values could not be read: these are in their mart. The index has no such value. A
    listing contains thousands of instruments outside the universe; a row without base or quote may be one inside it.
    -#}
{%- set unread = "(problem != '' or notice != '')" %}
{%- set of_instruments %}
{{ unread }}
and (
    instrument_id in (select u.instrument_id from {{ ref('universe_series') }} as u) or base = '' or quote = ''
)
{%- endset %}

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
        {{ "if(problem != '', problem, notice)" if is_series else 'problem' }} as reason,
        problem = '' as is_kept,
        source,
        ingested_at
    from ({{ union_leaves(dataset, 'dq_rejected_rows') }})
    where {{ of_instruments if dataset == 'instruments' else (unread if is_series else "problem != ''") }}
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
    cast(is_kept as Nullable(Bool)) as is_kept,
    source,
    ingested_at,
    {{ version_columns() }}
from rejected
