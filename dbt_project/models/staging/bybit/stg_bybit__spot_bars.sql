with source as (
    select * from {{ source('raw', 'bybit__spot_klines') }} where http_status = 200
),

-- [open ms, open, high, low, close, volume, turnover], newest first, no closed flag: the first row is the open bar.
-- Absent values and null are read as ''.
exploded as (
    select *, JSONExtractString(payload, 'result', 'category') as category, bar
    from source
    array join
        JSONExtract(payload, 'result', 'list', 'Array(Tuple({{ (["String"] * 7) | join(", ") }}))') as bar
),

named as (
    select
        {{ page_columns() }},
        timeframe,
        {{ newest_closed_ms() }} as newest_closed_ms,
        bar.1 as open_time_text,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        bar.7 as quote_volume_text,
        toJSONString(bar) as raw_row,
        -- Without category=spot in the request, Bybit silently returns bars of perpetuals.
        if(category = 'spot', '', concat('category is ', category, ', not spot')) as page_problem
    from exploded
),

{{ finish_bars('named', absent=['trade_count'], closed=has_closed()) }}
