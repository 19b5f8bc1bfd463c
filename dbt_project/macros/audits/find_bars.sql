{#- Condition on rows of bars: in an hour of `hours` (series, timeframe, hour), or in one of `before` hours before it. -#}
{%- macro in_hours(hours, before=0, key='instrument_id') -%}
    {%- set edges = '(select (subtractHours(min(hour), ' ~ before ~ '), addHours(max(hour), 1)) from (' ~ hours ~ '))' -%}
    open_time >= tupleElement({{ edges }}, 1) and open_time < tupleElement({{ edges }}, 2)
    and ({{ key }}, timeframe, toStartOfHour(open_time)) in (
        select {{ key }}, timeframe, {{ 'arrayJoin([hour, subtractHours(hour, ' ~ before ~ ')])' if before else 'hour' }} from ({{ hours }})
    )
{%- endmacro -%}

{%- macro audited_hours(condition='true') -%}
    select instrument_id, timeframe, hour from {{ ref('dq_bar_hours') }} where is_audited and {{ condition }}
{%- endmacro -%}

{#- Audited hours that can hold a close far from the close before it: prices of the hour and the close before lie far apart. -#}
{%- macro wide_hours() -%}
select
    instrument_id,
    timeframe,
    hour
from (
    select
        instrument_id,
        timeframe,
        hour,
        is_audited,
        high,
        low,
        lagInFrame(close, 1, open) over (
            partition by instrument_id, timeframe order by hour rows between 1 preceding and current row
        ) as previous_close
    from {{ ref('dq_bar_hours') }}
)
where
    is_audited
    and greatest(high, previous_close) / least(low, previous_close)
    > 1 + {{ return_worth_a_look() }}
{%- endmacro -%}
