-- The live lane: frames of WebSocket streams as sent, and REST answers of the gap task, which come seconds after the minute.
-- Neither claims anything in the ledger and neither is taken up by a build; tables of their own keep them apart. Ordered for
-- reading the newest hour.
create table if not exists raw.binance__live_spot_klines ${ON_CLUSTER}
(
    page_id UUID comment 'first 16 bytes of sha256 over endpoint, request, payload and receive time',
    venue LowCardinality(String) comment 'exchange',
    market LowCardinality(String) comment 'spot or perp',
    symbol LowCardinality(String) comment 'canonical symbol such as BTC/USDT; empty on a page of quotes',
    venue_symbol LowCardinality(String) comment 'symbol as the venue writes it',
    timeframe LowCardinality(String) comment '1m; empty on a page of quotes',
    lane LowCardinality(String) comment 'live',
    endpoint LowCardinality(String) comment 'path of the socket and stream, or path of the REST request, without host',
    request_params String comment 'of a frame: connection, stream and receive time; of a REST answer: query parameters; JSON text' codec(ZSTD(1)),
    window_start Nullable(DateTime64(3, 'UTC')) comment 'open time of the first closed bar of the page; claims nothing',
    window_end Nullable(DateTime64(3, 'UTC')) comment 'end of the last closed bar of the page; claims nothing',
    http_status UInt16 comment '101: a frame of a socket; 200: an answer of REST',
    fetched_at DateTime64(6, 'UTC') comment 'when the frame or answer had arrived, by our clock; never when it was inserted',
    server_time Nullable(DateTime64(3, 'UTC')) comment 'the venue''s event time; NULL where the frame has none (OKX candles)',
    row_count UInt32 comment 'closed bars, or quotes, in the payload',
    payload_sha256 String comment 'hex digest of the payload' codec(ZSTD(1)),
    payload String comment 'text of the frame as sent; quotes: frames as sent, a line each' codec(ZSTD(1)),
    proof LowCardinality(String) comment 'empty: a live page proves no window'
)
engine = ${MERGE_TREE}
partition by toYYYYMM(fetched_at)
order by (toStartOfHour(fetched_at), symbol, timeframe, ifNull(window_start, toDateTime64(0, 3, 'UTC')), page_id)
comment 'Closed bars of Binance spot streams (kline_1m) and early REST answers for them.';

create table if not exists raw.binance__live_usdm_klines ${ON_CLUSTER} as raw.binance__live_spot_klines;
alter table raw.binance__live_usdm_klines ${ON_CLUSTER} modify comment 'Closed bars of Binance USD-M streams (kline_1m) and early REST answers for them.';
create table if not exists raw.okx__live_spot_candles ${ON_CLUSTER} as raw.binance__live_spot_klines;
alter table raw.okx__live_spot_candles ${ON_CLUSTER} modify comment 'Closed bars of OKX spot (channel candle1m) and early REST answers for them.';
create table if not exists raw.bybit__live_spot_klines ${ON_CLUSTER} as raw.binance__live_spot_klines;
alter table raw.bybit__live_spot_klines ${ON_CLUSTER} modify comment 'Closed bars of Bybit spot (topic kline.1) and early REST answers for them.';
create table if not exists raw.binance__live_spot_quotes ${ON_CLUSTER} as raw.binance__live_spot_klines;
alter table raw.binance__live_spot_quotes ${ON_CLUSTER} modify comment 'Best bid and ask of Binance spot (bookTicker), the last frame of each second.';
create table if not exists raw.binance__live_usdm_quotes ${ON_CLUSTER} as raw.binance__live_spot_klines;
alter table raw.binance__live_usdm_quotes ${ON_CLUSTER} modify comment 'Best bid and ask of Binance USD-M (bookTicker), the last frame of each second.';
create table if not exists raw.okx__live_spot_quotes ${ON_CLUSTER} as raw.binance__live_spot_klines;
alter table raw.okx__live_spot_quotes ${ON_CLUSTER} modify comment 'Best bid and ask of OKX spot (bbo-tbt), the last frame of each second.';
create table if not exists raw.bybit__live_spot_quotes ${ON_CLUSTER} as raw.binance__live_spot_klines;
alter table raw.bybit__live_spot_quotes ${ON_CLUSTER} modify comment 'Best bid and ask of Bybit spot (orderbook.1), the last frame of each second.';

create table if not exists ops.live_events ${ON_CLUSTER}
(
    event_id UUID comment 'identity of the event; of a gap, the same on the event that opens it and on the one that fills it',
    at DateTime64(6, 'UTC') comment 'when it happened, by our clock, UTC',
    reader String comment 'reader process',
    venue LowCardinality(String) comment 'exchange; empty: the reader as a whole',
    market LowCardinality(String) comment 'spot or perp',
    conn String comment 'connection; empty where it is about none',
    kind LowCardinality(String) comment 'started, stopped, connected, disconnected, refused, notice, gap, gap_filled, mute, dropped, rest_refused, unreadable or status',
    symbol LowCardinality(String) comment 'canonical symbol; empty where it is about all of the connection',
    window_start Nullable(DateTime64(3, 'UTC')) comment 'start of what is concerned, inclusive, UTC',
    window_end Nullable(DateTime64(3, 'UTC')) comment 'end of what is concerned, exclusive, UTC',
    cause LowCardinality(String) comment 'cause in one word, such as reset, silence, ack_timeout, mute, planned',
    detail String comment 'words of the venue or of the error; of a status, its counters as JSON' codec(ZSTD(1))
)
engine = ${MERGE_TREE}
partition by toYYYYMM(at)
order by (toStartOfHour(at), venue, kind, at, event_id)
comment 'What happened to the live readers and their connections.';

create table if not exists ops.live_minutes ${ON_CLUSTER}
(
    venue LowCardinality(String) comment 'exchange',
    market LowCardinality(String) comment 'spot or perp',
    minute DateTime64(3, 'UTC') comment 'open time of the bars, UTC',
    due UInt32 comment 'series that the reader follows',
    by_socket UInt32 comment 'series whose bar a socket brought and ClickHouse acknowledged',
    by_rest UInt32 comment 'series whose bar the gap task brought and ClickHouse acknowledged',
    missing UInt32 comment 'series without a bar so far',
    complete_at Nullable(DateTime64(6, 'UTC')) comment 'when the last bar of the minute was acknowledged, by our clock, UTC; NULL: not complete',
    reader String comment 'reader process',
    recorded_at DateTime64(6, 'UTC') comment 'when this state was written, UTC'
)
engine = ${MERGE_TREE}
partition by toYYYYMM(minute)
order by (toStartOfHour(minute), venue, market, minute, recorded_at)
comment 'States of minutes of the live lane: how many bars are due, there and missing.';

-- The coverage ledger again, now without the tables of the live lane: they hold no claims, and there are many pages in them.
create or replace view ops.coverage ${ON_CLUSTER}
(
    venue LowCardinality(String) comment 'exchange or publisher',
    market LowCardinality(String) comment 'spot or perp; empty where the endpoint has no market',
    symbol LowCardinality(String) comment 'canonical symbol; empty where a page holds many',
    timeframe LowCardinality(String) comment '1m, 1h; empty where the endpoint has none',
    lane LowCardinality(String) comment 'rest, archive or live; a live page claims nothing',
    endpoint LowCardinality(String) comment 'path of the request',
    window_start Nullable(DateTime64(3, 'UTC')) comment 'first instant that the page proves, inclusive, UTC',
    window_end Nullable(DateTime64(3, 'UTC')) comment 'last instant that the page proves, exclusive, UTC',
    row_count UInt32 comment 'records in the page',
    fetched_at DateTime64(6, 'UTC') comment 'when the answer had arrived, by our clock, UTC',
    server_time Nullable(DateTime64(3, 'UTC')) comment 'clock of the venue at the fetch, UTC',
    page_id UUID comment 'identity of the raw page',
    dataset String comment 'bars, funding, instruments or fear_greed',
    asked_end Nullable(DateTime64(3, 'UTC')) comment 'end of what was asked for, proven or not, UTC: of an archive file the end of its period',
    proof LowCardinality(String) comment 'window, whole, part, or empty for pages of older software'
)
as select
    pages.venue, pages.market, pages.symbol, pages.timeframe, pages.lane, pages.endpoint,
    multiIf(
        pages.lane not in ('rest', 'archive'), null,
        corrected.was_corrected = 1, corrected.window_start,
        pages.window_start
    ) as window_start,
    multiIf(
        pages.lane not in ('rest', 'archive'), null,
        corrected.was_corrected = 1, corrected.window_end,
        pages.window_end
    ) as window_end,
    pages.row_count, pages.fetched_at, pages.server_time, pages.page_id, pages.dataset,
    multiIf(
        pages.lane not in ('rest', 'archive'), null,
        pages.file_end > 0, fromUnixTimestamp64Milli(pages.file_end, 'UTC'),
        pages.window_end
    ) as asked_end,
    pages.proof
from (
    select
        venue, market, symbol, timeframe, lane, endpoint, window_start, window_end, row_count, fetched_at, server_time, page_id,
        proof,
        if(lane = 'archive', JSONExtractInt(request_params, 'end'), 0) as file_end,
        multiIf(
            match(_table, '(klines|candles)$'), 'bars',
            endsWith(_table, 'funding'), 'funding',
            endsWith(_table, 'fear_greed'), 'fear_greed',
            'instruments'
        ) as dataset
    from merge('raw', '^[a-z0-9]+(_[a-z0-9]+)*__[a-z]')
    where position(_table, '__live_') = 0
) as pages
left join (
    select page_id, window_start, window_end, 1 as was_corrected from ops.corrected_claims
) as corrected on pages.page_id = corrected.page_id
comment 'Coverage ledger: the windows that raw pages prove.';
