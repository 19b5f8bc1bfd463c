with source as (
    select * from {{ source('raw', 'alternative_me__fear_greed') }} where http_status = 200
),

-- Newest first; value and timestamp are strings, the timestamp in seconds at 00:00 UTC.
exploded as (
    select *, record
    from source
    array join
        JSONExtract(
            payload, 'data',
            'Array(Tuple(value Nullable(String), value_classification Nullable(String), timestamp Nullable(String)))'
        ) as record
),

named as (
    select
        {{ page_columns() }},
        record.timestamp as date_text,
        record.value as value_text,
        ifNull(record.value_classification, '') as classification,
        toJSONString(record) as raw_row,
        '' as page_problem
    from exploded
),

typed as (
    select
        *,
        toDate(fromUnixTimestamp64Second(toInt64OrNull(date_text), 'UTC'), 'UTC') as date,
        toUInt8OrNull(value_text) as value
    from named
),

checked as (
    select
        *,
        {{ first_problem(['date', 'value']) }} as problem
    from typed
)

select {{ contract_select('fear_greed') }}
from checked
