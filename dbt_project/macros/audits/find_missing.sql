{#- Missing bars by class. Only what is ours to repair or the venue's fault is worth a look; the rest is explained. Bars
    that a venue never has, because nothing was traded, are no finding at all: there may be one every other minute. -#}
{%- macro find_missing_bars() -%}
select
    'bars_missing' as audit,
    if(class in ('not_fetched', 'venue_outage'), 'warn', 'info') as severity,
    instrument_id,
    timeframe,
    gap_start as range_start,
    gap_end as range_end,
    missing_bars as rows,
    toFloat64(missing_bars) as worst,
    class as detail,
    concat(
        'select * from marts.v_bar_gaps where instrument_id = ''', instrument_id, ''' and timeframe = ''', timeframe,
        ''' and gap_start >= ''', toString(range_start), ''' and gap_start < ''', toString(range_end), ''''
    ) as rows_sql
from ({{ bar_gaps(build_version()) }})
where class != 'no_trade'
{%- endmacro -%}

{#- Series that landed once and whose newest row is older than the schedule allows. -#}
{%- macro find_stale_bars() -%}
select
    'bars_fresh' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    last_close as range_start,
    {{ now_utc() }} as range_end,
    toUInt64(0) as rows,
    round(dateDiff('second', last_close, {{ now_utc() }}) / 3600, 2) as worst,
    concat('the newest bar ended ', toString(worst), ' h ago') as detail,
    concat(
        'select max(open_time) from marts.bars where instrument_id = ''', instrument_id, ''' and timeframe = ''', timeframe, ''''
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
{%- endmacro -%}

{#- The newest line of each (series, day) up to a version. -#}
{%- macro series_days_at(version) -%}
(
    select
        instrument_id,
        timeframe,
        day,
        argMax(dq_series_days.bars, dq_series_days.version) as bars,
        argMax(dq_series_days.first_open_time, dq_series_days.version) as first_open_time,
        argMax(dq_series_days.last_open_time, dq_series_days.version) as last_open_time,
        argMax(dq_series_days.changed_at, dq_series_days.version) as changed_at
    from {{ ref('dq_series_days') }} as dq_series_days
    where dq_series_days.version <= {{ version }}
    group by instrument_id, timeframe, day
)
{%- endmacro -%}
