with {{ archive_lines(source('raw', 'binance__archive_usdm_funding')) }},

-- calc_time, funding_interval_hours, last_funding_rate. The archive has no mark price.
named as (
    select
        {{ page_columns() }},
        {{ archive_time('f[1]') }} as funding_time_raw_text,
        f[3] as funding_rate_text,
        line as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_funding('named', absent=['mark_price']) }}
