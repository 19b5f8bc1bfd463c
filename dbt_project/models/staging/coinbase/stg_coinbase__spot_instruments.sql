with source as (
    select * from {{ source('raw', 'coinbase__spot_instruments') }} where http_status = 200
),

exploded as (
    select *, record
    from source
    array join JSONExtractArrayRaw(payload) as record
),

-- The minimum order quantity was removed from the API in 2022; min_market_funds is the minimum order value.
named as (
    select
        {{ page_columns() }},
        request_params,
        {{ listed_name('record', 'id') }} as venue_symbol,
        {{ listed_name('record', 'base_currency') }} as base,
        {{ listed_name('record', 'quote_currency') }} as quote,
        '' as settle,
        lower({{ listed_name('record', 'status') }}) as word,
        multiIf(
            word = 'delisted', 'delisted',
            word = 'internal', 'pending',
            word = 'offline' or JSONExtractBool(record, 'trading_disabled'), 'halted',
            word = 'online', 'trading',
            word = '', 'unknown',
            word
        ) as status,
        {{ listed_text('record', ['quote_increment']) }} as tick_size_text,
        {{ listed_text('record', ['base_increment']) }} as lot_size_text,
        {{ listed_text('record', ['min_market_funds']) }} as min_notional_text,
        record as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_instruments('named', absent=['min_qty', 'contract_size', 'listed_at']) }}
