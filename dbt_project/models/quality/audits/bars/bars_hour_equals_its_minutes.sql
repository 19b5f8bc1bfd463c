{#- Native 1h bars compared with their 60 minutes, if all 60 exist. #}
select
    'bars_hour_equals_its_minutes' as audit,
    if(price_off > {{ threshold('rollup_price_error') }}, 'error', 'warn') as severity,
    instrument_id,
    '1h' as timeframe,
    min(hour) as range_start,
    addHours(max(hour), 1) as range_end,
    count() as `rows`,
    max(greatest(price_off, volume_off)) as worst,
    concat(
        'prices differ by up to ', toString(round(max(price_off) * 10000, 2)), ' bp, volume by up to ',
        toString(round(max(volume_off) * 100, 2)), ' % from the sixty minutes'
    ) as detail,
    concat(
        'select * from marts.bars final where valid_to_version = 4294967295 and instrument_id = ''', instrument_id,
        ''' and open_time >= ''', toString(range_start), ''' and open_time < ''', toString(range_end),
        ''' order by open_time, timeframe'
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
