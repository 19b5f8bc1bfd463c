select
    'fear_greed_fresh' as audit,
    'warn' as severity,
    '' as instrument_id,
    '' as timeframe,
    toDateTime64(max(date), 3, 'UTC') as range_start,
    {{ now_utc() }} as range_end,
    toUInt64(0) as `rows`,
    round(dateDiff('second', range_start, {{ now_utc() }}) / 3600, 2) as worst,
    concat('the newest value is of ', toString(max(date))) as detail,
    'select max(date) from marts.fear_greed' as rows_sql
from {{ ref('fear_greed') }} final
where {{ open_rows() }}
having count() > 0 and range_start < subtractHours({{ now_utc() }}, {{ threshold('fear_greed_fresh_hours') }})
