with {{ archive_lines(source('raw', 'okx__archive_swap_funding')) }},

-- instrument_name, funding_rate (what was paid), funding_time.
named as (
    select
        {{ page_columns() }},
        {{ archive_time('f[3]') }} as funding_time_raw_text,
        f[2] as funding_rate_text,
        line as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_funding('named', absent=['mark_price']) }}
