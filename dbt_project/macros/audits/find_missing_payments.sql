{#- A distance between payments that is longer than both beside it: an interval that changes leaves none, a missing payment
    does, even where the distance is an interval of its own (4 h, 8 h, 4 h). -#}
{%- macro find_missing_payments() -%}
select
    'funding_one_per_interval' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    times[2] as range_start,
    addMilliseconds(times[3], 1) as range_end,
    toUInt64(1) as rows,
    toFloat64(hours[2]) as worst,
    concat('no payment for ', toString(hours[2]), ' h, between payments every ', toString(greatest(hours[1], hours[3])), ' h') as detail,
    {{ listing('funding_rates', time='funding_time') }} as rows_sql
from (
    select
        instrument_id,
        groupArray(funding_time) over (
            partition by instrument_id order by funding_time rows between 3 preceding and current row
        ) as times,
        arrayMap(pair -> round(dateDiff('minute', pair.1, pair.2) / 60, 2), arrayZip(arrayPopBack(times), arrayPopFront(times))) as hours
    from {{ ref('funding_rates') }} final
    where {{ open_rows() }}
)
where length(times) = 4 and hours[2] > greatest(hours[1], hours[3]) and hours[2] in (1, 2, 4, 8)
{%- endmacro -%}
