with source as (
    select * from {{ source('raw', 'coinbase__spot_instruments') }} where http_status = 200
),

exploded as (
    select *, record
    from source
    array join
        JSONExtract(
            payload,
            'Array(Tuple(id String, base_currency String, quote_currency String, status String, trading_disabled Bool,
                quote_increment Nullable(String), base_increment Nullable(String), min_market_funds Nullable(String)))'
        ) as record
),

-- The smallest amount of an order went from the API in 2022; min_market_funds is the smallest value of one.
named as (
    select
        {{ page_columns() }},
        request_params,
        record.id as venue_symbol,
        record.base_currency as base,
        record.quote_currency as quote,
        '' as settle,
        multiIf(
            record.status = 'delisted', 'delisted',
            record.status = 'internal', 'pending',
            record.status = 'offline' or record.trading_disabled, 'halted',
            record.status = 'online', 'trading',
            record.status
        ) as status,
        record.quote_increment as tick_size_text,
        record.base_increment as lot_size_text,
        record.min_market_funds as min_notional_text,
        toJSONString(record) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_instruments('named', absent=['min_qty', 'contract_size', 'listed_at']) }}
