with source as (
    select * from {{ source('raw', 'okx__swap_funding') }} where http_status = 200
),

-- Newest first. fundingRate is the predicted rate, realizedRate the one that was paid, '' until settled.
exploded as (
    select *, record
    from source
    array join
        arrayFilter(
            row -> ifNull(row.realizedRate != '', true),
            JSONExtract(payload, 'data', 'Array(Tuple(fundingTime Nullable(String), realizedRate Nullable(String)))')
        ) as record
),

named as (
    select
        {{ page_columns() }},
        record.fundingTime as funding_time_raw_text,
        record.realizedRate as funding_rate_text,
        toJSONString(record) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_funding('named', absent=['mark_price']) }}
