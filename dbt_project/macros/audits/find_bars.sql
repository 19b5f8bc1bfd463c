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

{%- macro find_broken_bars() -%}
    {{ find_broken_rules('bars', 'open_time', open_rows() ~ ' and ' ~ in_hours(audited_hours('broken != 0')), 'timeframe') }}
{%- endmacro -%}

{%- macro find_double_bars() -%}
select
    'bars_one_open_row' as audit,
    'error' as severity,
    instrument_id,
    timeframe,
    min(open_time) as range_start,
    addMilliseconds(max(open_time), 1) as range_end,
    sum(copies) as rows,
    toFloat64(max(copies)) as worst,
    concat(toString(count()), ' bars have more than one open row') as detail,
    {{ listing('bars') }} as rows_sql
from (
    select instrument_id, timeframe, open_time, count() as copies
    from {{ ref('bars') }} final
    where {{ open_rows() }} and {{ in_hours(audited_hours('bars > minutes')) }}
    group by instrument_id, timeframe, open_time
    having copies > 1
)
group by instrument_id, timeframe, toDate(open_time)
{%- endmacro -%}

{%- macro find_strange_series() -%}
select
    'bars_series_of_the_universe' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(hour) as range_start,
    addHours(max(hour), 1) as range_end,
    sum(bars) as rows,
    cast(null as Nullable(Float64)) as worst,
    'the universe does not name this series' as detail,
    {{ listing('bars') }} as rows_sql
from {{ ref('dq_bar_hours') }}
where is_audited and (instrument_id, timeframe) not in (select instrument_id, timeframe from {{ ref('universe_series') }})
group by instrument_id, timeframe
{%- endmacro -%}

{#- A native 1h bar against its 60 minutes, where all 60 are there. -#}
{%- macro find_hours_unlike_minutes() -%}
select
    'bars_hour_equals_its_minutes' as audit,
    if(price_off > {{ threshold('rollup_price_error') }}, 'error', 'warn') as severity,
    instrument_id,
    '1h' as timeframe,
    min(hour) as range_start,
    addHours(max(hour), 1) as range_end,
    count() as rows,
    max(greatest(price_off, volume_off)) as worst,
    concat(
        'prices off by up to ', toString(round(max(price_off) * 10000, 2)), ' bp, volume by up to ',
        toString(round(max(volume_off) * 100, 2)), ' % of the sixty minutes'
    ) as detail,
    concat(
        'select * from marts.bars final where valid_to_version = 4294967295 and instrument_id = ''', instrument_id,
        ''' and open_time >= ''', toString(range_start), ''' and open_time < ''', toString(range_end), ''' order by open_time, timeframe'
    ) as rows_sql
from (
    select
        whole.instrument_id as instrument_id,
        whole.hour as hour,
        greatest(
            abs(whole.open / parts.open - 1), abs(whole.high / parts.high - 1),
            abs(whole.low / parts.low - 1), abs(whole.close / parts.close - 1)
        ) as price_off,
        if(whole.volume = parts.volume, 0, abs(whole.volume / parts.volume - 1)) as volume_off
    from {{ ref('dq_bar_hours') }} as whole
    inner join {{ ref('dq_bar_hours') }} as parts
        on whole.instrument_id = parts.instrument_id and whole.hour = parts.hour
    where
        whole.timeframe = '1h' and parts.timeframe = '1m' and parts.minutes = 60 and whole.bars = 1
        and (whole.is_audited or parts.is_audited)
)
where price_off > {{ threshold('rollup_price_tolerance') }} or volume_off > {{ threshold('rollup_volume_tolerance') }}
group by instrument_id, toDate(hour), severity
{%- endmacro -%}

{#- Whole clock hours at one price. A quiet market does that without volume; a frozen feed with it. -#}
{%- macro find_flat_runs() -%}
select
    'bars_flat_runs' as audit,
    if(hours >= {{ threshold('flat_hours_error') }} and volume > 0, 'error', 'warn') as severity,
    instrument_id,
    timeframe,
    run_start as range_start,
    run_end as range_end,
    rows,
    toFloat64(hours) as worst,
    concat(toString(hours), ' hours at one price, volume ', toString(volume)) as detail,
    {{ listing('bars') }} as rows_sql
from (
    select
        instrument_id,
        timeframe,
        min(hour) as run_start,
        addHours(max(hour), 1) as run_end,
        count() as hours,
        sum(bars) as rows,
        sum(volume) as volume,
        max(is_audited) as is_audited
    from (
        select
            *,
            dateDiff('hour', toDateTime('1970-01-01 00:00:00', 'UTC'), hour)
                - row_number() over (partition by instrument_id, timeframe, low order by hour) as run
        from {{ ref('dq_bar_hours') }}
        where high = low
    )
    group by instrument_id, timeframe, low, run
    having hours >= {{ threshold('flat_hours_warn') }}
)
where is_audited
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

{#- Jumps from one bar to the next. Hours whose range is small cannot hold one, so few bars are read. -#}
{%- macro find_return_outliers() -%}
select
    'bars_return_outliers' as audit,
    if(max(abs(log_return)) > log(1 + {{ threshold('return_error') }}), 'error', 'warn') as severity,
    instrument_id,
    timeframe,
    min(open_time) as range_start,
    addMilliseconds(max(open_time), 1) as range_end,
    count() as rows,
    exp(argMax(log_return, abs(log_return))) - 1 as worst,
    concat(
        toString(count()), ' bars close far from the bar before, the farthest by ', toString(round(worst * 100, 1)), ' %'
    ) as detail,
    {{ listing('bars') }} as rows_sql
from (
    select
        instrument_id,
        timeframe,
        open_time,
        lagInFrame(close, 1, open) over (
            partition by instrument_id, timeframe order by open_time rows between 1 preceding and current row
        ) as previous_close,
        lagInFrame(open_time, 1, open_time) over (
            partition by instrument_id, timeframe order by open_time rows between 1 preceding and current row
        ) as previous_time,
        -- Over a long hole a price may have gone anywhere: that is the hole's finding, not this one's.
        if(dateDiff('hour', previous_time, open_time) < 24, log(close / previous_close), 0) as log_return
    from {{ ref('bars') }} final
    where {{ open_rows() }} and close > 0 and open > 0 and {{ in_hours(wide_hours(), before=1) }}
)
where
    abs(log_return) > log(1 + {{ return_worth_a_look() }})
    and (instrument_id, timeframe, toStartOfHour(open_time)) in ({{ wide_hours() }})
group by instrument_id, timeframe, toDate(open_time)
{%- endmacro -%}
