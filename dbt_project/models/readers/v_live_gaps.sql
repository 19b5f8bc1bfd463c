{#- Periods in which a feed had no connection or no reader was running. Bars of a gap are filled by REST; its quotes are
    lost. -#}
select
    event_id as gap_id,
    toLowCardinality(anyIf(venue, kind = 'gap')) as venue,
    toLowCardinality(anyIf(market, kind = 'gap')) as market,
    anyIf(detail, kind = 'gap') as feed,
    anyIf(conn, kind = 'gap') as conn,
    assumeNotNull(anyIf(window_start, kind = 'gap')) as gap_start,
    assumeNotNull(anyIf(window_end, kind = 'gap')) as gap_end,
    toLowCardinality(anyIf(cause, kind = 'gap')) as cause,
    minIf(at, kind = 'gap') as noticed_at,
    nullIf(minIf(at, kind = 'gap_filled'), toDateTime64(0, 6, 'UTC')) as filled_at
from {{ source('ops', 'live_events') }}
where kind in ('gap', 'gap_filled')
group by event_id
having countIf(kind = 'gap') > 0
