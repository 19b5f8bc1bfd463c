with {{ archive_lines(source('raw', 'okx__archive_spot_candles')) }},

-- instrument_name, open, high, low, close, vol (base), vol_ccy (quote), vol_quote, open_time, confirm. Every bar is
-- closed: older files have confirm 0 on all rows.
named as (
    select
        {{ page_columns() }},
        timeframe,
        {{ archive_time('f[9]') }} as open_time_text,
        f[2] as open_text,
        f[3] as high_text,
        f[4] as low_text,
        f[5] as close_text,
        f[6] as volume_text,
        f[7] as quote_volume_text,
        line as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_bars('named', absent=['trade_count']) }}
