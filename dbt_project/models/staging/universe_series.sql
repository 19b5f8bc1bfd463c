{%- set wanted = run_var('universe') or seeded_universe() -%}
with universe as (
    {%- if wanted %}
    select
        series.1 as dataset,
        series.2 as venue,
        series.3 as market,
        series.4 as symbol,
        series.5 as timeframe,
        toDateTime(series.6, 'UTC') as history_start
    from (
        select
            arrayJoin([
                {%- for series in wanted %}
                (
                    {%- for value in series %}'{{ sql_text(value) }}'{{ ', ' if not loop.last }}{% endfor -%}
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ]) as series
    )
    {%- else %}
    select * from {{ ref('universe_default') }}
    {%- endif %}
)

select
    dataset,
    concat(venue, ':', market, ':', symbol) as instrument_id,
    venue,
    market,
    symbol,
    timeframe,
    splitByChar('/', symbol)[1] as base,
    splitByChar('/', symbol)[2] as quote,
    history_start
from universe
