select
    'funding_fresh' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    max(funding_time) as range_start,
    {{ now_utc() }} as range_end,
    toUInt64(0) as `rows`,
    round(dateDiff('second', max(funding_time), {{ now_utc() }}) / 3600, 2) as worst,
    concat('the newest payment was ', toString(worst), ' h ago') as detail,
    concat(
        'select max(funding_time) from marts.funding_rates where instrument_id = ''', instrument_id, ''''
    ) as rows_sql
from {{ ref('funding_rates') }} final
where {{ open_rows() }}
group by instrument_id
having max(funding_time) < subtractHours({{ now_utc() }}, {{ threshold('funding_fresh_hours') }})
