-- One row a fetched page: the payload exactly as the venue sent it, and where it came from.
-- [window_start, window_end) is what this page proves to have been asked for and answered, in closed
-- bars only: it is the coverage ledger, so that data and ledger can never disagree.
create table if not exists raw.binance__spot_klines ${ON_CLUSTER}
(
    page_id UUID comment 'first 16 bytes of sha256 over endpoint, request, payload and fetch time',
    venue LowCardinality(String),
    market LowCardinality(String) comment 'spot or perp; empty where the endpoint has no market',
    symbol LowCardinality(String) comment 'canonical symbol such as BTC/USDT; empty where a page holds many',
    venue_symbol LowCardinality(String) comment 'symbol as the venue writes it',
    timeframe LowCardinality(String) comment '1m, 1h; empty where the endpoint has none',
    lane LowCardinality(String) comment 'rest, archive or live',
    endpoint LowCardinality(String) comment 'path of the request, without host',
    request_params String comment 'query parameters as JSON text' codec(ZSTD(1)),
    window_start Nullable(DateTime64(3, 'UTC')) comment 'first instant that the page answers for, inclusive',
    window_end Nullable(DateTime64(3, 'UTC')) comment 'last instant that the page answers for, exclusive',
    http_status UInt16,
    fetched_at DateTime64(6, 'UTC') comment 'when the answer had arrived, by our clock',
    server_time Nullable(DateTime64(3, 'UTC')) comment 'the venue''s clock at the fetch',
    row_count UInt32 comment 'records in the payload',
    payload_sha256 String comment 'hex digest of the payload' codec(ZSTD(1)),
    payload String comment 'body as sent' codec(ZSTD(1)),
    _dlt_load_id String codec(ZSTD(1)),
    _dlt_id String codec(ZSTD(1))
)
engine = ${MERGE_TREE}
partition by toYYYYMM(fetched_at)
order by (symbol, timeframe, ifNull(window_start, toDateTime64(0, 3, 'UTC')), fetched_at, page_id);

create table if not exists raw.binance__usdm_klines ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.binance__usdm_funding ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.binance__spot_instruments ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.binance__usdm_instruments ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.okx__spot_candles ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.okx__swap_funding ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.okx__instruments ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.bybit__spot_klines ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.bybit__spot_instruments ${ON_CLUSTER} as raw.binance__spot_klines;
create table if not exists raw.alternative_me__fear_greed ${ON_CLUSTER} as raw.binance__spot_klines;
