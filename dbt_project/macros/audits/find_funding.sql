{%- macro find_broken_funding() -%}
    {{ find_broken_rules('funding_rates', 'funding_time', open_rows()) }}
{%- endmacro -%}

{#- A longer step than the payments around it explain is a missing payment; one below an hour is a payment too many. Whether the
    first step of a series, where it divides the day, has one in it cannot be told. -#}
{%- macro find_uneven_funding() -%}
select
    'funding_one_per_interval' as audit,
    if(step < 60, 'error', 'warn') as severity,
    instrument_id,
    '' as timeframe,
    previous_time as range_start,
    addMilliseconds(funding_time, 1) as range_end,
    if(step < 60, toUInt64(2), toUInt64(1)) as rows,
    toFloat64(step) / 60 as worst,
    if(
        step < 60, concat('two payments ', toString(step), ' minutes apart'),
        concat(
            'no payment for ', toString(round(step / 60, 2)), ' h',
            if(isNull(step_before), '', concat(', after one of ', toString(round(step_before / 60, 2)), ' h'))
        )
    ) as detail,
    {{ listing('funding_rates', time='funding_time') }} as rows_sql
from ({{ funding_steps(ref('funding_rates'), open_rows()) }})
where
    isNotNull(step) and not {{ is_one_period() }}
    and not (isNull(step_before) and {{ may_be_period('step') }} and {{ divides('step', 1440) }})
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
    toFloat64(period) / 60 as worst,
    concat('the interval went from ', toString(intDiv(period_before, 60)), ' h to ', toString(intDiv(period, 60)), ' h') as detail,
    {{ listing('funding_rates', time='funding_time') }} as rows_sql
from (
    select
        instrument_id,
        funding_time,
        previous_time,
        {{ funding_period() }} as period,
        lagInFrame({{ funding_period() }}) over (
            partition by instrument_id order by funding_time rows between 1 preceding and current row
        ) as period_before
    from ({{ funding_steps(ref('funding_rates'), open_rows()) }})
)
where period != period_before
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
