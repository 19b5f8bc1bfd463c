with source as (
    select * from {{ source('raw', 'binance__usdm_funding') }} where http_status = 200
),

-- Oldest first. fundingTime is some ms after the full hour. markPrice is '' before 2023-10-31.
exploded as (
    select *, record
    from source
    array join
        JSONExtract(
            payload,
            'Array(Tuple(fundingTime Nullable(String), fundingRate Nullable(String), markPrice Nullable(String)))'
        ) as record
),

named as (
    select
        {{ page_columns() }},
        record.fundingTime as funding_time_raw_text,
        record.fundingRate as funding_rate_text,
        nullIf(record.markPrice, '') as mark_price_text,
        toJSONString(record) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_funding('named') }}
