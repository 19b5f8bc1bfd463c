{#- Payments on days without a bar of the perpetual in any timeframe, on that day or the day that led up to the payment,
    although bars were requested: one finding per run of such days. Instruments without bars in the universe have
    nothing to compare with. #}
with days_with_bars as (
    select instrument_id, day from {{ series_days_at(build_version()) }} where bars > 0
)

select
    'funding_without_bars' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    min(first_time) as range_start,
    addMilliseconds(max(last_time), 1) as range_end,
    sum(payments) as `rows`,
    cast(null as Nullable(Float64)) as worst,
    concat(toString(sum(payments)), ' payments at times without a bar') as detail,
    {{ finding_rows_sql('funding_rates', time='funding_time') }} as rows_sql
from (
    select
        *,
        dateDiff('day', toDate('1970-01-01'), day) - row_number() over (partition by instrument_id order by day) as run
    from (
        select
            payments.instrument_id as instrument_id,
            toDate(payments.funding_time) as day,
            min(payments.funding_time) as first_time,
            max(payments.funding_time) as last_time,
            count() as payments
        from (
            select instrument_id, funding_time
            from {{ ref('funding_rates') }} final
            where
                {{ open_rows() }}
                and instrument_id in (select instrument_id from {{ ref('universe_series') }} where dataset = 'bars')
                and (instrument_id, toDate(funding_time)) not in (
                    select days.instrument_id, days.day from days_with_bars as days
                )
                and (instrument_id, toDate(subtractMilliseconds(funding_time, 1))) not in (
                    select days.instrument_id, days.day from days_with_bars as days
                )
        ) as payments
        inner join (
            select
                concat(venue, ':', market, ':', symbol) as instrument_id,
                groupUniqArray((assumeNotNull(window_start), assumeNotNull(window_end))) as windows
            from {{ source('ops', 'coverage') }}
            where dataset = 'bars' and isNotNull(window_start) and isNotNull(window_end)
            group by instrument_id
        ) as asked on payments.instrument_id = asked.instrument_id
        where arrayExists(span -> span.1 < payments.funding_time and payments.funding_time <= span.2, asked.windows)
        group by payments.instrument_id, day
    )
)
group by instrument_id, run
