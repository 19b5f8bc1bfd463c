select
    'funding_before_listing' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    first_before as range_start,
    addMilliseconds(last_before, 1) as range_end,
    payments_before as `rows`,
    toFloat64(gap_hours) as worst,
    {{ before_listing_detail('payments') }} as detail,
    {{ finding_rows_sql('funding_rates', time='funding_time') }} as rows_sql
from (
    select
        payments.instrument_id as instrument_id,
        any(listings.listed_at) as listed_at,
        any(listings.has_moved) as has_moved,
        minIf(payments.funding_time, payments.funding_time < listings.listed_at) as first_before,
        maxIf(payments.funding_time, payments.funding_time < listings.listed_at) as last_before,
        countIf(payments.funding_time < listings.listed_at) as payments_before,
        minOrNullIf(payments.funding_time, payments.funding_time >= listings.listed_at) as first_after,
        dateDiff('hour', last_before, ifNull(first_after, listed_at)) as gap_hours
    from (select * from {{ ref('funding_rates') }} final where {{ open_rows() }}) as payments
    inner join {{ newest_listings() }} as listings on payments.instrument_id = listings.instrument_id
    group by payments.instrument_id
)
where
    payments_before > 0
    and (
        has_moved or gap_hours > {{ threshold('identity_gap_hours') }}
        or instrument_id in (select earlier.instrument_id from {{ ref('bars_before_listing') }} as earlier)
    )
