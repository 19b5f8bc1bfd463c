select
    'fear_greed_every_day' as audit,
    'warn' as severity,
    '' as instrument_id,
    '' as timeframe,
    toDateTime64(addDays(previous_date, 1), 3, 'UTC') as range_start,
    toDateTime64(date, 3, 'UTC') as range_end,
    toUInt64(dateDiff('day', previous_date, date) - 1) as `rows`,
    toFloat64(`rows`) as worst,
    concat(toString(`rows`), ' days without a value') as detail,
    concat(
        'select * from marts.fear_greed final where valid_to_version = 4294967295 and date between ''',
        toString(previous_date), ''' and ''', toString(date), ''''
    ) as rows_sql
from (
    select
        date,
        lagInFrame(date, 1, date) over (order by date rows between 1 preceding and current row) as previous_date
    from {{ ref('fear_greed') }} final
    where {{ open_rows() }}
)
where dateDiff('day', previous_date, date) > 1
