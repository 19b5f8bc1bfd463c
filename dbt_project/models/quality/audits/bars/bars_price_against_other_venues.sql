{#- Closes that deviate from those of every other venue for the same bar. Hours in which all prices of a symbol are
    close together cannot contain one, so few bars are read. #}
{% set warn = threshold('venue_deviation_warn') %}
-- Hours in which the prices of a symbol are far apart across venues.
with scattered_hours as (
    select
        symbol,
        timeframe,
        hour
    from {{ ref('dq_bar_hours') }}
    group by symbol, timeframe, hour
    having max(is_audited) and max(high) / min(low) > 1 + {{ warn }}
)

select
    'bars_price_against_other_venues' as audit,
    if(max(nearest) > {{ threshold('venue_deviation_error') }} and min(others) > 1, 'error', 'warn') as severity,
    instrument_id,
    timeframe,
    min(open_time) as range_start,
    addMilliseconds(max(open_time), 1) as range_end,
    count() as `rows`,
    argMax(deviation, abs(deviation)) as worst,
    concat(
        toString(count()), ' closes deviate from every other venue, by up to ', toString(round(worst * 100, 2)),
        ' % of their median (', toString(max(others)), ' others)'
    ) as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
from (
    select
        timeframe,
        open_time,
        arrayJoin(quotes) as own,
        own.1 as instrument_id,
        arrayMap(quote -> quote.2, arrayFilter(quote -> quote.1 != own.1, quotes)) as closes,
        length(closes) as others,
        own.2 / arrayReduce('median', closes) - 1 as deviation,
        arrayMin(arrayMap(other -> greatest(own.2 / other, other / own.2) - 1, closes)) as nearest
    from (
        select
            symbol,
            timeframe,
            open_time,
            groupArray((instrument_id, close)) as quotes
        from {{ ref('bars') }} final
        where
            {{ open_rows() }} and close > 0
            and {{ in_hours('select * from scattered_hours', key='symbol') }}
        group by symbol, timeframe, open_time
        having length(quotes) > 1 and arrayMax(quotes.2) / arrayMin(quotes.2) > 1 + {{ warn }}
    )
)
where
    nearest > {{ warn }}
    {%- if not audits_everything() %}
    and (instrument_id, timeframe, toStartOfHour(open_time)) in ({{ audited_hours() }})
    {%- endif %}
group by instrument_id, timeframe, toDate(open_time)
