{#- Increments compared with trading: a tick size close to the price, or a lot size close to a day's volume, is a
    misread field. A warning, because one instrument must not block all others. #}
select
    'instruments_sane_steps' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    valid_from as range_start,
    addMilliseconds(valid_from, 1) as range_end,
    toUInt64(1) as `rows`,
    greatest(tick_share, lot_share) as worst,
    concat(
        'tick is ', toString(round(tick_share * 100, 4)), ' % of the price, lot ', toString(round(lot_share * 100, 4)),
        ' % of an hour''s volume'
    ) as detail,
    {{ finding_rows_sql('instruments', time='valid_from') }} as rows_sql
from (
    select
        instruments.instrument_id as instrument_id,
        instruments.valid_from as valid_from,
        ifNull(instruments.tick_size, 0) / traded.close as tick_share,
        if(traded.volume > 0, ifNull(instruments.lot_size, 0) / traded.volume, 0) as lot_share
    from {{ newest_instruments() }} as instruments
    inner join (
        select
            instrument_id,
            argMax(hours.close, hours.hour) as close,
            avg(hours.volume) as volume
        from {{ ref('dq_bar_hours') }} as hours
        where hours.close > 0
        group by instrument_id
    ) as traded on instruments.instrument_id = traded.instrument_id
)
where tick_share > {{ threshold('tick_share_warn') }} or lot_share > 1
