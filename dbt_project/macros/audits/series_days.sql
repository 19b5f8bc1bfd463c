{#- The newest row of each (series, day) up to a version. -#}
{%- macro series_days_at(version) -%}
(
    select
        instrument_id,
        timeframe,
        day,
        argMax(dq_series_days.bars, dq_series_days.version) as bars,
        argMax(dq_series_days.first_open_time, dq_series_days.version) as first_open_time,
        argMax(dq_series_days.last_open_time, dq_series_days.version) as last_open_time,
        argMax(dq_series_days.changed_at, dq_series_days.version) as changed_at
    from {{ ref('dq_series_days') }} as dq_series_days
    where dq_series_days.version <= {{ version }}
    group by instrument_id, timeframe, day
)
{%- endmacro -%}
