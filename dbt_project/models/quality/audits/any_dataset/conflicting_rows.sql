{#- Rows of one key, lane and moment that contradict each other. Those that people withheld no longer block: they are a warning, so
    that the day is not taken for a sound one. #}
select
    'conflicting_rows' as audit,
    if(is_withheld, 'warn', 'error') as severity,
    dataset,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), greatest({{ timeframe_ms() }}, 1)) as range_end,
    sum(rows) as rows,
    cast(null as Nullable(Float64)) as worst,
    concat(
        dataset, ': ', toString(count()), ' keys with rows that contradict each other', if(is_withheld, ', withheld: ', ': '),
        argMin(difference, event_time)
    ) as detail,
    concat(
        'select * from marts.dq_conflicting_rows where dataset = ''', dataset, ''' and instrument_id = ''', instrument_id,
        ''' and timeframe = ''', timeframe, ''' and event_time >= ''', toString(range_start), ''' and event_time < ''',
        toString(range_end), ''''
    ) as rows_sql
from ({{ unsettled_conflicts() }})
group by dataset, instrument_id, timeframe, toDate(event_time), is_withheld
