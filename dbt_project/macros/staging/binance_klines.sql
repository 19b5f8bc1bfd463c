{#- Klines of Binance, spot and USD-M alike: [open ms, open, high, low, close, volume, close ms, quote volume, trades,
    …], oldest first. There is no closed flag and the last row is the open bar. Absent values and null are read as ''
    and are not numbers: nullable text would cost a sixth more CPU. The three JSON numbers are read as numbers: printing
    and parsing them again would cost a fifth. A JSON boolean is then read as 1 or 0, so in a page that may contain one,
    0 and 1 are not accepted as numbers. -#}
{%- macro binance_klines(pages) -%}
{%- set whole = 'Variant(Int64, String)' -%}
with source as (
    select * from {{ pages }} where http_status = 200
),

exploded as (
    select *, position(payload, 'true') > 0 or position(payload, 'false') > 0 as holds_truth, bar
    from source
    array join
        JSONExtract(
            payload, 'Array(Tuple({{ ([whole] + ["String"] * 5 + [whole, "String", whole]) | join(", ") }}))'
        ) as bar
),

named as (
    select
        {{ page_columns() }},
        timeframe,
        {{ newest_closed_ms() }} as newest_closed_ms,
        bar.1 as open_time_json,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        bar.8 as quote_volume_text,
        bar.9 as trade_count_json,
        toJSONString(bar) as raw_row,
        holds_truth and variantElement(bar.9, 'Int64') in (0, 1) as trade_count_is_truth,
        if(
            holds_truth and variantElement(bar.1, 'Int64') in (0, 1), 'open_time is a JSON boolean', ''
        ) as page_problem
    from exploded
),

{{ finish_bars('named', whole=['open_time', 'trade_count'], closed=has_closed()) }}
{%- endmacro -%}
