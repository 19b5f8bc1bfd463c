select
    'bars_one_open_row' as audit,
    'error' as severity,
    instrument_id,
    timeframe,
    min(open_time) as range_start,
    addMilliseconds(max(open_time), 1) as range_end,
    sum(copies) as `rows`,
    toFloat64(max(copies)) as worst,
    concat(toString(count()), ' bars have more than one open row') as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
from (
    select instrument_id, timeframe, open_time, count() as copies
    from {{ ref('bars') }} final
    where {{ open_rows() }} and {{ in_hours(audited_hours('bars > minutes')) }}
    group by instrument_id, timeframe, open_time
    having copies > 1
)
group by instrument_id, timeframe, toDate(open_time)
