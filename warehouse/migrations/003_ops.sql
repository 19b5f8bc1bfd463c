-- Builds: one row when a build starts and one when it ends; the newest row of a version is its state.
-- A version is the number that orders all builds; rows of the marts carry it as valid_from_version.
create table if not exists ops.builds ${ON_CLUSTER}
(
    version UInt32,
    invocation_id String comment 'dbt''s id of the run that owns the version',
    state LowCardinality(String) comment 'running, finished, failed or abandoned',
    owner String comment 'host and process that started it',
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC')
)
engine = ${MERGE_TREE}
order by (version, recorded_at);

-- Pages that a build took up, and (done = 1) those whose rows are all in the mart named.
create table if not exists ops.build_pages ${ON_CLUSTER}
(
    mart LowCardinality(String),
    page_id UUID,
    version UInt32,
    done UInt8
)
engine = ${MERGE_TREE}
order by (mart, done, page_id);

-- The coverage ledger: every window that was asked for, with what came back.
create or replace view ops.coverage ${ON_CLUSTER} as
select
    venue, market, symbol, timeframe, lane, endpoint,
    window_start, window_end, row_count, fetched_at, server_time, page_id,
    transform(splitByString('__', _table)[2],
        ['spot_klines', 'usdm_klines', 'spot_candles', 'usdm_funding', 'swap_funding', 'fear_greed'],
        ['bars', 'bars', 'bars', 'funding', 'funding', 'fear_greed'], 'instruments') as dataset
from merge('raw', '^(binance|okx|bybit|alternative_me)__[a-z]');
