{#- A price that is another one after a hole of more than an hour, over days: between the last bar of a day and the first one
    of the next day that has bars. #}
    {%- set edges -%}
        select
            instrument_id,
            timeframe,
            lagInFrame(last_open_time) over (
                partition by instrument_id, timeframe order by day rows between 1 preceding and current row
            ) as gap_from,
            first_open_time as gap_to
        from {{ series_days_at(build_version()) }}
        where bars > 0
    {%- endset -%}
    {%- set holes -%}
        select * from ({{ edges }})
        where gap_from > toDateTime64('1970-01-02 00:00:00', 3, 'UTC') and dateDiff('hour', gap_from, gap_to) > 1
    {%- endset -%}
    {%- set edge_bars -%}
        (
            select instrument_id, timeframe, open_time, open, close
            from {{ ref('bars') }} final
            where
                {{ open_rows() }}
                and (instrument_id, timeframe, open_time) in (
                    select instrument_id, timeframe, arrayJoin([gap_from, gap_to]) from ({{ holes }})
                )
        )
    {%- endset -%}
    {{ jumps() }}
from (
    select
        holes.instrument_id as instrument_id,
        holes.timeframe as timeframe,
        holes.gap_from as gap_from,
        holes.gap_to as gap_to,
        last_bar.close as close_before,
        first_bar.open as open_after
    from ({{ holes }}) as holes
    inner join {{ edge_bars }} as last_bar
        on
            holes.instrument_id = last_bar.instrument_id and holes.timeframe = last_bar.timeframe
            and holes.gap_from = last_bar.open_time
    inner join {{ edge_bars }} as first_bar
        on
            holes.instrument_id = first_bar.instrument_id and holes.timeframe = first_bar.timeframe
            and holes.gap_to = first_bar.open_time
)
where {{ is_jump() }}
