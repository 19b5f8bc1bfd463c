{#- Jumps from one bar to the next. Hours with a small range cannot contain one, so few bars are read. #}
-- Audited hours that may contain a close far from the previous close: prices of the hour and the close before it are
-- far apart.
with wide_hours as (
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
        > 1 + {{ return_threshold() }}
)

select
    'bars_return_outliers' as audit,
    if(max(abs(log_return)) > log(1 + {{ threshold('return_error') }}), 'error', 'warn') as severity,
    instrument_id,
    timeframe,
    min(open_time) as range_start,
    addMilliseconds(max(open_time), 1) as range_end,
    count() as `rows`,
    exp(argMax(log_return, abs(log_return))) - 1 as worst,
    concat(
        toString(count()), ' bars close far from the previous bar, by up to ',
        toString(round(worst * 100, 1)), ' %'
    ) as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
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
        -- Across a long gap a price may have moved anywhere: bars_jump_across_gap reports that.
        if(dateDiff('hour', previous_time, open_time) < 24, log(close / previous_close), 0) as log_return
    from {{ ref('bars') }} final
    where {{ open_rows() }} and close > 0 and open > 0 and {{ in_hours('select * from wide_hours', before=1) }}
)
where
    abs(log_return) > log(1 + {{ return_threshold() }})
    and (instrument_id, timeframe, toStartOfHour(open_time)) in (
        select wide.instrument_id, wide.timeframe, wide.hour from wide_hours as wide
    )
group by instrument_id, timeframe, toDate(open_time)
