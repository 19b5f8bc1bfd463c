{#- For each time of a series that both REST and the archive cover, their values side by side. Only pages that overlap
    with a page of the other lane are read, so that a build without overlaps costs nothing here. -#}
{{
    config(
        materialized='versioned',
        unique_key=['dataset', 'instrument_id', 'timeframe', 'event_time'],
        meta={
            'entities': ['bars', 'funding'],
            'provenance': ['rest_page_id', 'archive_page_id', 'ingested_at'],
            'overlaps': true,
        },
    )
}}

{#- Conflicting rows within a lane are not values of that lane; the marts record which they are. #}
{%- set waits_for = [ref('dq_conflicting_rows'), ref('bars'), ref('funding_rates')] %}
{%- set measures = {
    'bars': ['open', 'high', 'low', 'close', 'volume', 'quote_volume', 'trade_count'],
    'funding': ['funding_rate', 'mark_price']} %}
{%- set time = {
    'bars': 'assumeNotNull(open_time)',
    'funding': "toDateTime64(toStartOfMinute(addSeconds(assumeNotNull(funding_time_raw), 30)), 3, 'UTC')"} %}
{%- set in_overlap = is_selected_page(this.identifier ~ '__overlap') %}

with lane_rows as (
    {%- for dataset, columns in measures.items() %}
    select
        toLowCardinality('{{ dataset }}') as dataset,
        instrument_id,
        {{ 'timeframe' if dataset == 'bars' else "toLowCardinality('')" }} as timeframe,
        {{ time[dataset] }} as event_time,
        source,
        page_id,
        ingested_at as arrived_at,
        map(
            {%- for name in columns %}
            '{{ name }}', cast({{ name }} as Nullable(Float64)){{ ',' if not loop.last }}
            {%- endfor %}
        ) as measures
    from ({{ union_leaves(dataset, 'dq_lane_differences', in_overlap) }})
    where
        problem = ''
        {%- if has_conflicts() %}
        and {{ not_in_conflict(dataset, time[dataset]) }}
        {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

side_by_side as (
    select
        dataset,
        instrument_id,
        timeframe,
        event_time,
        argMaxIf(measures, arrived_at, source = 'rest') as rest_measures,
        argMaxIf(measures, arrived_at, source = 'archive') as archive_measures,
        argMaxIf(page_id, arrived_at, source = 'rest') as rest_page_id,
        argMaxIf(page_id, arrived_at, source = 'archive') as archive_page_id,
        max(arrived_at) as ingested_at
    from lane_rows
    group by dataset, instrument_id, timeframe, event_time
    having countIf(source = 'rest') > 0 and countIf(source = 'archive') > 0
),

described as (
    select
        *,
        arrayStringConcat(
            arrayMap(
                name -> concat(
                    name, ' is ', toString(assumeNotNull(rest_measures[name])), ' by REST and ',
                    toString(assumeNotNull(archive_measures[name])), ' in the archive'
                ),
                arrayFilter(
                    name -> ifNull(rest_measures[name] != archive_measures[name], false), mapKeys(rest_measures)
                )
            ),
            '; '
        ) as difference
    from side_by_side
)

-- A reported row stays, and its difference becomes '' once the lanes agree.
select
    dataset,
    instrument_id,
    timeframe,
    event_time,
    difference,
    rest_page_id,
    archive_page_id,
    ingested_at,
    {{ version_columns() }}
from described
where
    difference != ''
    or (dataset, instrument_id, timeframe, event_time) in (
        select reported.dataset, reported.instrument_id, reported.timeframe, reported.event_time
        from {{ this }} as reported
    )
