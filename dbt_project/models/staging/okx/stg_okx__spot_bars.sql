with source as (
    select * from {{ source('raw', 'okx__spot_candles') }} where http_status = 200
),

-- [open ms, open, high, low, close, vol, volCcy, volCcyQuote, confirm], newest first; confirm '0' is the open bar.
-- Candles up to 2022 have no confirm: for these the venue's clock decides. Absent values and null are read as ''.
exploded as (
    select *, bar
    from source
    array join
        JSONExtract(payload, 'data', 'Array(Tuple({{ (["String"] * 9) | join(", ") }}))') as bar
),

-- Spot: vol is base, volCcy quote. Swap: vol is contracts, volCcy base, volCcyQuote quote.
named as (
    select
        {{ page_columns() }},
        timeframe,
        {{ newest_closed_ms() }} as newest_closed_ms,
        bar.9 as confirm,
        bar.1 as open_time_text,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        if(market = 'perp', bar.7, bar.6) as volume_text,
        if(market = 'perp', bar.8, bar.7) as quote_volume_text,
        toJSONString(bar) as raw_row,
        '' as page_problem
    from exploded
),

{% set is_closed -%}
confirm = '1' or (confirm = '' and {{ has_closed() }})
{%- endset -%}
{{ finish_bars('named', absent=['trade_count'], closed=is_closed) }}
