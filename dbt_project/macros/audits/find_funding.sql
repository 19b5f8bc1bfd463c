{%- macro find_broken_funding() -%}
    {{ find_broken_rules('funding_rates', 'funding_time', open_rows()) }}
{%- endmacro -%}

{#- Distances of each payment to the one before, and of that one to its own. -#}
{%- macro funding_steps() -%}
select
    instrument_id,
    funding_time,
    times_before[-1] as previous_time,
    length(times_before) as number,
    dateDiff('minute', previous_time, funding_time) as minutes,
    dateDiff('minute', times_before[-2], previous_time) as minutes_before
from (
    select
        instrument_id,
        funding_time,
        groupArray(funding_time) over (
            partition by instrument_id order by funding_time rows between 2 preceding and 1 preceding
        ) as times_before
    from {{ ref('funding_rates') }} final
    where {{ open_rows() }}
)
{%- endmacro -%}

{#- A distance that no interval explains is a missing payment; one below an hour is a payment too many. -#}
{%- macro find_uneven_funding() -%}
select
    'funding_one_per_interval' as audit,
    if(minutes < 60, 'error', 'warn') as severity,
    instrument_id,
    '' as timeframe,
    previous_time as range_start,
    addMilliseconds(funding_time, 1) as range_end,
    if(minutes < 60, toUInt64(2), toUInt64(1)) as rows,
    toFloat64(minutes) / 60 as worst,
    if(
        minutes < 60, concat('two payments ', toString(minutes), ' minutes apart'),
        concat('no payment for ', toString(round(minutes / 60, 2)), ' h')
    ) as detail,
    {{ listing('funding_rates', time='funding_time') }} as rows_sql
from ({{ funding_steps() }})
where number > 0 and minutes not in (60, 120, 240, 480)
{%- endmacro -%}

{%- macro find_interval_changes() -%}
select
    'funding_interval_changes' as audit,
    'info' as severity,
    instrument_id,
    '' as timeframe,
    previous_time as range_start,
    addMilliseconds(funding_time, 1) as range_end,
    toUInt64(1) as rows,
    toFloat64(minutes) / 60 as worst,
    concat('the interval went from ', toString(intDiv(minutes_before, 60)), ' h to ', toString(intDiv(minutes, 60)), ' h') as detail,
    {{ listing('funding_rates', time='funding_time') }} as rows_sql
from ({{ funding_steps() }})
where number = 2 and minutes in (60, 120, 240, 480) and minutes_before in (60, 120, 240, 480) and minutes != minutes_before
{%- endmacro -%}

{%- macro find_stale_funding() -%}
select
    'funding_fresh' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    max(funding_time) as range_start,
    {{ now_utc() }} as range_end,
    toUInt64(0) as rows,
    round(dateDiff('second', max(funding_time), {{ now_utc() }}) / 3600, 2) as worst,
    concat('the newest payment was ', toString(worst), ' h ago') as detail,
    concat('select max(funding_time) from marts.funding_rates where instrument_id = ''', instrument_id, '''') as rows_sql
from {{ ref('funding_rates') }} final
where {{ open_rows() }}
group by instrument_id
having max(funding_time) < subtractHours({{ now_utc() }}, {{ threshold('funding_fresh_hours') }})
{%- endmacro -%}
