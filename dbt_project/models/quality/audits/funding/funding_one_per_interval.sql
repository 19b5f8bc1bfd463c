{#- A step longer than the payments around it explain means that a payment is missing; a step below an hour means one
    too many. Whether a payment is missing in the first step of a series cannot be determined if the step divides the
    day. #}
select
    'funding_one_per_interval' as audit,
    if(step < 60, 'error', 'warn') as severity,
    instrument_id,
    '' as timeframe,
    previous_time as range_start,
    addMilliseconds(funding_time, 1) as range_end,
    if(step < 60, toUInt64(2), toUInt64(1)) as `rows`,
    toFloat64(step) / 60 as worst,
    if(
        step < 60, concat('two payments ', toString(step), ' minutes apart'),
        concat(
            'no payment for ', toString(round(step / 60, 2)), ' h',
            if(isNull(step_before), '', concat(', after an interval of ', toString(round(step_before / 60, 2)), ' h'))
        )
    ) as detail,
    {{ finding_rows_sql('funding_rates', time='funding_time') }} as rows_sql
from ({{ funding_steps(ref('funding_rates'), open_rows()) }})
where
    isNotNull(step) and not {{ is_one_period() }}
    and not (isNull(step_before) and {{ may_be_period('step') }} and {{ divides('step', 1440) }})
