select
    'funding_interval_changes' as audit,
    'info' as severity,
    instrument_id,
    '' as timeframe,
    previous_time as range_start,
    addMilliseconds(funding_time, 1) as range_end,
    toUInt64(1) as `rows`,
    toFloat64(period) / 60 as worst,
    concat(
        'the interval went from ', toString(intDiv(period_before, 60)), ' h to ', toString(intDiv(period, 60)), ' h'
    ) as detail,
    {{ finding_rows_sql('funding_rates', time='funding_time') }} as rows_sql
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
