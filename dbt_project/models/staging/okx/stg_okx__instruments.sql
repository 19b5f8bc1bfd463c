with source as (
    select * from {{ source('raw', 'okx__instruments') }} where http_status = 200
),

-- Spot and linear perpetual swaps. Sizes of a swap are in contracts of ctVal base each; '' is unknown.
-- listTime may be the start of an auction.
exploded as (
    select *, record
    from source
    array join
        arrayFilter(
            row -> row.instType = 'SPOT' or (row.instType = 'SWAP' and row.ctType = 'linear'),
            JSONExtract(
                payload, 'data',
                'Array(Tuple(instId String, instType String, ctType String, baseCcy String, quoteCcy String, settleCcy String,
                    state String, tickSz Nullable(String), lotSz Nullable(String), minSz Nullable(String), ctVal Nullable(String),
                    listTime Nullable(String)))'
            )
        ) as record
),

named as (
    select
        {{ page_columns() | replace('    market,\n', '') }},
        request_params,
        if(record.instType = 'SWAP', 'perp', 'spot') as market,
        record.instId as venue_symbol,
        splitByChar('-', record.instId)[1] as base,
        splitByChar('-', record.instId)[2] as quote,
        record.settleCcy as settle,
        {{ instrument_status('record.state') }} as status,
        nullIf(record.tickSz, '') as tick_size_text,
        nullIf(record.lotSz, '') as lot_size_text,
        nullIf(record.minSz, '') as min_qty_text,
        nullIf(record.ctVal, '') as contract_size_text,
        nullIf(record.listTime, '') as listed_at_text,
        toJSONString(record) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_instruments('named', absent=['min_notional']) }}
