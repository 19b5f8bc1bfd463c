{#- Bars that arrived closed by WebSocket and for which REST or the archive has other values, if they exceed a share of
    a market's bars of the last day. No published row comes from WebSocket, so this never blocks publication. #}
select
    'bars_live_against_rest' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), 1) as range_end,
    count() as `rows`,
    any(market_share) as worst,
    concat(
        toString(count()), ' bars differ, such as: ', any(difference), '; ',
        toString(round(100 * any(market_share), 3)), ' % of the bars of its market differ within a day'
    ) as detail,
    concat(
        'select * from marts.dq_live_differences where difference != \'\' and instrument_id = \'', instrument_id, '\''
    ) as rows_sql
from (
    select
        *,
        avg(difference != '') over (
            partition by arraySlice(splitByChar(':', toString(instrument_id)), 1, 2)
        ) as market_share
    from {{ ref('dq_live_differences') }}
)
where difference != '' and market_share > {{ threshold('live_differences_share') }}
group by instrument_id, timeframe
