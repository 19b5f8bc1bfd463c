with source as (
    select * from {{ source('raw', 'bybit__spot_instruments') }} where http_status = 200
),

exploded as (
    select *, JSONExtractString(payload, 'result', 'category') as category, record
    from source
    array join JSONExtractArrayRaw(payload, 'result', 'list') as record
),

named as (
    select
        {{ page_columns() }},
        request_params,
        {{ listed_name('record', 'symbol') }} as venue_symbol,
        {{ listed_name('record', 'baseCoin') }} as base,
        {{ listed_name('record', 'quoteCoin') }} as quote,
        '' as settle,
        {{ instrument_status(listed_name('record', 'status')) }} as status,
        {{ listed_text('record', ['priceFilter', 'tickSize']) }} as tick_size_text,
        {{ listed_text('record', ['lotSizeFilter', 'basePrecision']) }} as lot_size_text,
        {{ listed_text('record', ['lotSizeFilter', 'minOrderQty']) }} as min_qty_text,
        {{ listed_text('record', ['lotSizeFilter', 'minOrderAmt']) }} as min_notional_text,
        record as raw_row,
        if(category = 'spot', '', concat('category is ', category, ', not spot')) as page_problem
    from exploded
),

{{ finish_instruments('named', absent=['contract_size', 'listed_at']) }}
