-- Files of the venues' bulk archives, cut into parts of whole lines: one row a part, its text as it stands in the file.
-- All parts of a file arrive in one insert of one block, so that a file is in the ledger as a whole or not at all.
create table if not exists raw.binance__archive_spot_klines ${ON_CLUSTER}
(
    page_id UUID comment 'first 16 bytes of sha256 over path, digest of the file, part and fetch time',
    venue LowCardinality(String),
    market LowCardinality(String) comment 'spot or perp',
    symbol LowCardinality(String) comment 'canonical symbol such as BTC/USDT',
    venue_symbol LowCardinality(String) comment 'symbol as the venue writes it',
    timeframe LowCardinality(String) comment '1m, 1h; empty for funding',
    lane LowCardinality(String) comment 'archive',
    endpoint LowCardinality(String) comment 'folder of the file in the archive',
    request_params String comment 'how the file was found, as JSON text' codec(ZSTD(1)),
    window_start Nullable(DateTime64(3, 'UTC')) comment 'first instant of the file''s period, inclusive',
    window_end Nullable(DateTime64(3, 'UTC')) comment 'last instant of the file''s period, exclusive',
    http_status UInt16,
    fetched_at DateTime64(6, 'UTC') comment 'when the file had arrived, by our clock; the same for all its parts',
    server_time Nullable(DateTime64(3, 'UTC')) comment 'the venue''s clock when the run was planned',
    row_count UInt32 comment 'lines of data in the part',
    payload_sha256 String comment 'hex digest of the payload' codec(ZSTD(1)),
    payload String comment 'lines of the file, header row included' codec(ZSTD(1)),
    file_path String comment 'path in the archive, without host' codec(ZSTD(1)),
    file_sha256 FixedString(64) comment 'hex digest of the zip' codec(ZSTD(1)),
    file_tag String comment 'what the venue shows without a download: published sha256, or ETag' codec(ZSTD(1)),
    file_bytes UInt64 comment 'size of the zip',
    part UInt32 comment 'from 1',
    parts UInt32 comment 'parts of the file',
    header String comment 'the header row; empty where the file has none' codec(ZSTD(1)),
    time_unit LowCardinality(String) comment 'ms or us: unit of every time in the file',
    conflicts Array(String) comment 'times (as written) of which the file has rows that differ' codec(ZSTD(1))
)
engine = ${MERGE_TREE}
partition by toYYYYMM(fetched_at)
order by (symbol, timeframe, ifNull(window_start, toDateTime64(0, 3, 'UTC')), fetched_at, part);

create table if not exists raw.binance__archive_usdm_klines ${ON_CLUSTER} as raw.binance__archive_spot_klines;
create table if not exists raw.binance__archive_usdm_funding ${ON_CLUSTER} as raw.binance__archive_spot_klines;
create table if not exists raw.okx__archive_spot_candles ${ON_CLUSTER} as raw.binance__archive_spot_klines;
create table if not exists raw.okx__archive_swap_funding ${ON_CLUSTER} as raw.binance__archive_spot_klines;

create or replace view ops.coverage ${ON_CLUSTER} as
select
    venue, market, symbol, timeframe, lane, endpoint,
    window_start, window_end, row_count, fetched_at, server_time, page_id,
    transform(replaceOne(splitByString('__', _table)[2], 'archive_', ''),
        ['spot_klines', 'usdm_klines', 'spot_candles', 'usdm_funding', 'swap_funding', 'fear_greed'],
        ['bars', 'bars', 'bars', 'funding', 'funding', 'fear_greed'], 'instruments') as dataset
from merge('raw', '^(binance|okx|bybit|alternative_me)__[a-z]');
