-- What a page is proof of. A page claims the window that its rows prove (dlt_pipelines/paging.py, archive/proof.py), and a
-- listing is complete only where its last page says so: what an incomplete one leaves out is not gone.
alter table raw.binance__spot_klines ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: its rows prove the window; whole: the listing is complete with this page; part: it is not; empty: landed before this was recorded';
alter table raw.binance__usdm_klines ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: its rows prove the window; empty: landed before this was recorded';
alter table raw.binance__usdm_funding ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: its rows prove the window; empty: landed before this was recorded';
alter table raw.binance__spot_instruments ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'whole: the listing is complete with this page; part: it is not; empty: landed before this was recorded';
alter table raw.binance__usdm_instruments ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'whole: the listing is complete with this page; part: it is not; empty: landed before this was recorded';
alter table raw.okx__spot_candles ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: its rows prove the window; empty: landed before this was recorded';
alter table raw.okx__swap_funding ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: its rows prove the window; empty: landed before this was recorded';
alter table raw.okx__instruments ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'whole: the listing is complete with this page; part: it is not; empty: landed before this was recorded';
alter table raw.bybit__spot_klines ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: its rows prove the window; empty: landed before this was recorded';
alter table raw.bybit__spot_instruments ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'whole: the listing is complete with this page; part: it is not; empty: landed before this was recorded';
alter table raw.coinbase__spot_candles ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: its rows prove the window; empty: landed before this was recorded';
alter table raw.coinbase__spot_instruments ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'whole: the listing is complete with this page; part: it is not; empty: landed before this was recorded';
alter table raw.alternative_me__fear_greed ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'whole: the answer is the whole history; part: it is not; empty: landed before this was recorded';
alter table raw.binance__archive_spot_klines ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: the rows of the part prove its window; empty: landed before this was recorded, the window is the file''s period';
alter table raw.binance__archive_usdm_klines ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: the rows of the part prove its window; empty: landed before this was recorded, the window is the file''s period';
alter table raw.binance__archive_usdm_funding ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: the rows of the part prove its window; empty: landed before this was recorded, the window is the file''s period';
alter table raw.okx__archive_spot_candles ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: the rows of the part prove its window; empty: landed before this was recorded, the window is the file''s period';
alter table raw.okx__archive_swap_funding ${ON_CLUSTER}
    add column if not exists proof LowCardinality(String) comment 'window: the rows of the part prove its window; empty: landed before this was recorded, the window is the file''s period';

-- Windows that pages really prove, in place of the ones that older software had them claim. Raw stays as it landed. A page
-- may have several rows here; a NULL window: it proves nothing. Written by `mdw backfill --recheck-claims`.
create table if not exists ops.corrected_claims ${ON_CLUSTER}
(
    page_id UUID comment 'identity of the raw page',
    window_start Nullable(DateTime64(3, 'UTC')) comment 'first instant that the page proves, inclusive, UTC; NULL: it proves nothing',
    window_end Nullable(DateTime64(3, 'UTC')) comment 'last instant that the page proves, exclusive, UTC',
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC') comment 'when the page was looked at again, UTC'
)
engine = ${MERGE_TREE}
order by page_id
comment 'Windows that raw pages of older software really prove.';

-- The coverage ledger: what each page claims. Lanes that claim are named: rest and archive. A page of any other lane, such as
-- one of a live feed, is listed without a window, as a stream proves nothing about what it did not carry.
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
) as pages
left join (
    select page_id, window_start, window_end, 1 as was_corrected from ops.corrected_claims
) as corrected on pages.page_id = corrected.page_id
comment 'Coverage ledger: the windows that raw pages prove.';
