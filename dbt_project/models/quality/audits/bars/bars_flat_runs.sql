{#- Whole clock hours at one price: in a quiet market without volume, in a frozen feed with volume. #}
select
    'bars_flat_runs' as audit,
    if(hours >= {{ threshold('flat_hours_error') }} and volume > 0, 'error', 'warn') as severity,
    instrument_id,
    timeframe,
    run_start as range_start,
    run_end as range_end,
    `rows`,
    toFloat64(hours) as worst,
    concat(toString(hours), ' hours at one price, volume ', toString(volume)) as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
from (
    select
        instrument_id,
        timeframe,
        min(hour) as run_start,
        addHours(max(hour), 1) as run_end,
        count() as hours,
        sum(bars) as `rows`,
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
