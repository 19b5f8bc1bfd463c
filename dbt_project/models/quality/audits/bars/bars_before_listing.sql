{#- Bars from before the instrument was listed, unless they lead up to the listing without a gap: Binance's first
    perpetuals have an onboardDate some days after their first bars. #}
select
    'bars_before_listing' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    first_before as range_start,
    addMilliseconds(last_before, 1) as range_end,
    bars_before as `rows`,
    toFloat64(gap_hours) as worst,
    {{ before_listing_detail('bars') }} as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
from (
    select
        days.instrument_id as instrument_id,
        days.timeframe as timeframe,
        any(listings.listed_at) as listed_at,
        any(listings.has_moved) as has_moved,
        minIf(days.first_open_time, days.first_open_time < listings.listed_at) as first_before,
        maxIf(
            least(days.last_open_time, subtractMilliseconds(listings.listed_at, 1)),
            days.first_open_time < listings.listed_at
        ) as last_before,
        sumIf(days.bars, days.last_open_time < listings.listed_at) as bars_before,
        minOrNullIf(
            greatest(days.first_open_time, listings.listed_at), days.last_open_time >= listings.listed_at
        ) as first_after,
        dateDiff('hour', last_before, ifNull(first_after, listed_at)) as gap_hours
    from {{ series_days_at(build_version()) }} as days
    inner join {{ newest_listings() }} as listings on days.instrument_id = listings.instrument_id
    where days.bars > 0
    group by days.instrument_id, days.timeframe
)
where bars_before > 0 and (has_moved or gap_hours > {{ threshold('identity_gap_hours') }})
