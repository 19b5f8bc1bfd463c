{#- Series with landed rows whose newest row is older than the schedule allows. #}
select
    'bars_fresh' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    last_close as range_start,
    {{ now_utc() }} as range_end,
    toUInt64(0) as `rows`,
    round(dateDiff('second', last_close, {{ now_utc() }}) / 3600, 2) as worst,
    concat('the newest bar ended ', toString(worst), ' h ago') as detail,
    concat(
        'select max(open_time) from marts.bars where instrument_id = ''', instrument_id,
        ''' and timeframe = ''', timeframe, ''''
    ) as rows_sql
from (
    select
        instrument_id,
        timeframe,
        addMilliseconds(max(last_open_time), {{ timeframe_ms() }}) as last_close
    from {{ series_days_at(build_version()) }}
    where bars > 0
    group by instrument_id, timeframe
)
where
    last_close < subtractMilliseconds(
        subtractMinutes({{ now_utc() }}, {{ threshold('bars_fresh_minutes') }}), {{ timeframe_ms() }}
    )
    and (instrument_id, timeframe) in (select instrument_id, timeframe from {{ ref('universe_series') }})
