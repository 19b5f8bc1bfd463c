{#- Klines of Binance, spot and USD-M alike: [open ms, open, high, low, close, volume, close ms, quote volume,
    trades, …], oldest first. There is no closed flag and the last row is the open bar.
    What is absent or null reads as '' and is no number: texts that may be NULL cost a sixth more CPU. -#}
{%- macro binance_klines(pages) -%}
with source as (
    select * from {{ pages }} where http_status = 200
),

exploded as (
    select *, bar
    from source
    array join
        arrayFilter(
            row -> {{ is_closed('row.1') }},
            JSONExtract(payload, 'Array(Tuple({{ (["String"] * 9) | join(", ") }}))')
        ) as bar
),

named as (
    select
        {{ page_columns() }},
        timeframe,
        bar.1 as open_time_text,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        nullIf(bar.8, '') as quote_volume_text,
        nullIf(bar.9, '') as trade_count_text,
        toJSONString(bar) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_bars('named') }}
{%- endmacro -%}
