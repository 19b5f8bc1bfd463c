with source as (
    select * from {{ source('raw', 'bybit__spot_instruments') }} where http_status = 200
),

exploded as (
    select *, JSONExtractString(payload, 'result', 'category') as category, record
    from source
    array join
        JSONExtract(
            payload, 'result', 'list',
            'Array(Tuple(symbol String, status String, baseCoin String, quoteCoin String,
                priceFilter Tuple(tickSize Nullable(String)), lotSizeFilter Tuple(basePrecision Nullable(String),
                minOrderQty Nullable(String), minOrderAmt Nullable(String))))'
        ) as record
),

named as (
    select
        {{ page_columns() }},
        request_params,
        record.symbol as venue_symbol,
        record.baseCoin as base,
        record.quoteCoin as quote,
        '' as settle,
        {{ instrument_status('record.status') }} as status,
        record.priceFilter.tickSize as tick_size_text,
        record.lotSizeFilter.basePrecision as lot_size_text,
        record.lotSizeFilter.minOrderQty as min_qty_text,
        record.lotSizeFilter.minOrderAmt as min_notional_text,
        toJSONString(record) as raw_row,
        if(category = 'spot', '', concat('category is ', category, ', not spot')) as page_problem
    from exploded
),

{{ finish_instruments('named', absent=['contract_size', 'listed_at']) }}
