{#- Instruments of the universe that are missing from every listing of their market. A market without any listing is
    covered by freshness. #}
select
    'instruments_of_the_universe_present' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    toDateTime64('1970-01-01 00:00:00', 3, 'UTC') as range_start,
    {{ now_utc() }} as range_end,
    toUInt64(1) as `rows`,
    cast(null as Nullable(Float64)) as worst,
    'missing from every listing of its market' as detail,
    concat('select * from marts.instruments where instrument_id = ''', instrument_id, '''') as rows_sql
from (select distinct instrument_id, venue, market from {{ ref('universe_series') }})
where
    (venue, market) in (select venue, market from {{ ref('instruments') }})
    and instrument_id not in (select instrument_id from {{ newest_instruments() }} where status != 'delisted')
