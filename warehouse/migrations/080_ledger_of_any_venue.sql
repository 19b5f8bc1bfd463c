-- The coverage ledger over every raw table, whatever its venue. A table is <venue>__<entity>, and its name ends in what it
-- holds: klines or candles, funding, instruments, fear_greed. dlt's own tables (<venue>___dlt_…) do not match.
create or replace view ops.coverage ${ON_CLUSTER}
(
    venue LowCardinality(String) comment 'exchange or publisher',
    market LowCardinality(String) comment 'spot or perp; empty where the endpoint has no market',
    symbol LowCardinality(String) comment 'canonical symbol; empty where a page holds many',
    timeframe LowCardinality(String) comment '1m, 1h; empty where the endpoint has none',
    lane LowCardinality(String) comment 'rest, archive or live',
    endpoint LowCardinality(String) comment 'path of the request',
    window_start Nullable(DateTime64(3, 'UTC')) comment 'first instant that the page answers for, inclusive, UTC',
    window_end Nullable(DateTime64(3, 'UTC')) comment 'last instant that the page answers for, exclusive, UTC',
    row_count UInt32 comment 'records in the page',
    fetched_at DateTime64(6, 'UTC') comment 'when the answer had arrived, by our clock, UTC',
    server_time Nullable(DateTime64(3, 'UTC')) comment 'clock of the venue at the fetch, UTC',
    page_id UUID comment 'identity of the raw page',
    dataset String comment 'bars, funding, instruments or fear_greed'
)
as select
    venue, market, symbol, timeframe, lane, endpoint,
    window_start, window_end, row_count, fetched_at, server_time, page_id,
    multiIf(
        match(_table, '(klines|candles)$'), 'bars',
        endsWith(_table, 'funding'), 'funding',
        endsWith(_table, 'fear_greed'), 'fear_greed',
        'instruments'
    ) as dataset
from merge('raw', '^[a-z0-9]+(_[a-z0-9]+)*__[a-z]')
comment 'Coverage ledger: the windows that raw pages answer for.';
