with source as (
    select * from {{ source('raw', 'coinbase__spot_candles') }} where http_status = 200
),

-- [open seconds, low, high, open, close, volume] as JSON numbers, newest first, no closed flag: the first row may be
-- the open bar. Rows may precede the requested window.
exploded as (
    select *, bar
    from source
    array join
        JSONExtract(payload, 'Array(Tuple({{ (["Nullable(String)"] * 6) | join(", ") }}))') as bar
),

named as (
    select
        {{ page_columns() }},
        timeframe,
        {{ newest_closed_ms() }} as newest_closed_ms,
        concat(bar.1, '000') as open_time_text,
        bar.4 as open_text,
        bar.3 as high_text,
        bar.2 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        toJSONString(bar) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_bars('named', absent=['quote_volume', 'trade_count'], closed=has_closed()) }}
