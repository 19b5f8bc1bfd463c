{#- Klines of Binance's archive: open time, open, high, low, close, volume, close time, quote volume, trades, taker
    base, taker quote, ignore. Every bar is closed. -#}
{%- macro binance_archive_klines(pages) -%}
with {{ archive_lines(pages) }},

named as (
    select
        {{ page_columns() }},
        timeframe,
        {{ archive_time('f[1]') }} as open_time_text,
        f[2] as open_text,
        f[3] as high_text,
        f[4] as low_text,
        f[5] as close_text,
        f[6] as volume_text,
        f[8] as quote_volume_text,
        f[9] as trade_count_text,
        line as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_bars('named') }}
{%- endmacro -%}
