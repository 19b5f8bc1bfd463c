{#- Bars of the last day that arrived closed by WebSocket, compared with the row from REST or the archive for the same
    minute. Read by the audit bars_live_against_rest; nothing is published from it. -#}
{%- set values = ['open', 'high', 'low', 'close', 'volume', 'quote_volume', 'trade_count'] %}
with live_rows as (
    select
        instrument_id,
        timeframe,
        assumeNotNull(open_time) as open_time,
        argMax(
            tuple(
                {%- for name in values %}
                toNullable(toFloat64({{ name }})){{ ',' if not loop.last }}
                {%- endfor %}
            ),
            tuple(ifNull(event_time, ingested_at), ingested_at, page_id)
        ) as live_values,
        argMax(page_id, tuple(ifNull(event_time, ingested_at), ingested_at, page_id)) as live_page_id,
        max(ingested_at) as received_at
    from {{ ref('stg_live__bars') }}
    where ingested_at >= now64(6, 'UTC') - interval 1 day and problem = '' and source = 'live'
    group by instrument_id, timeframe, open_time
),

settled as (
    select * from {{ ref('bars') }} final
    where
        {{ open_rows() }}
        and open_time >= (
            select min(landed.opened)
            from (
                {%- for raw in live_raws() %}
                select min(window_start) as opened from {{ source('raw', raw) }}
                where fetched_at >= now64(6, 'UTC') - interval 1 day
                {%- if not loop.last %}
                union all
                {%- endif %}
                {%- endfor %}
            ) as landed
        )
),

side_by_side as (
    select
        live_rows.instrument_id as instrument_id,
        live_rows.timeframe as timeframe,
        live_rows.open_time as open_time,
        live_rows.live_values as live_values,
        tuple(
            {%- for name in values %}
            toNullable(toFloat64(settled.{{ name }})){{ ',' if not loop.last }}
            {%- endfor %}
        ) as settled_values,
        live_rows.live_page_id as live_page_id,
        live_rows.received_at as received_at,
        settled.source as settled_source
    from live_rows
    inner join settled
        on
            live_rows.instrument_id = settled.instrument_id
            and live_rows.timeframe = settled.timeframe
            and live_rows.open_time = settled.open_time
)

select
    instrument_id,
    timeframe,
    open_time as event_time,
    arrayStringConcat(
        arrayFilter(
            text -> text != '',
            [
                {%- for name in values %}
                if(
                    ifNull(live_values.{{ loop.index }} != settled_values.{{ loop.index }}, false),
                    concat(
                        '{{ name }} is ', toString(assumeNotNull(live_values.{{ loop.index }})), ' by WebSocket and ',
                        toString(assumeNotNull(settled_values.{{ loop.index }})), ' by ', settled_source
                    ),
                    ''
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ]
        ),
        '; '
    ) as difference,
    live_page_id,
    received_at
from side_by_side
