with source as (
    select * from {{ source('raw', 'okx__instruments') }} where http_status = 200
),

listed as (
    select
        *,
        JSONExtractArrayRaw(payload, 'data') as records,
        -- Ids for which the page has the product that we collect.
        arrayMap(
            record -> {{ listed_name('record', 'instId') }},
            arrayFilter(record -> {{ okx_product('record') }} in ('SPOT', 'SWAP linear'), records)
        ) as followed
    from source
),

-- Spot and linear perpetual swaps. The id shows which: BTC-USDT, BTC-USDT-SWAP; dated contracts have their date in it,
-- and a swap against USD is inverse. Any other unknown product or contract type is classified by its id.
exploded as (
    select *, record
    from listed
    array join
        arrayFilter(
            record -> {{ okx_product('record') }} in ('SPOT', 'SWAP linear')
            or not (
                match({{ listed_name('record', 'instId') }}, '^[^-]+-[^-]+-[0-9]')
                or (
                    match({{ listed_name('record', 'instId') }}, '-USD-SWAP$')
                    and {{ okx_product('record') }} = 'SWAP inverse'
                )
                or has(
                    followed,
                    replaceRegexpOne({{ listed_name('record', 'instId') }}, '^([^-]+-[^-]+)-.+$', '\\1-SWAP')
                )
            ),
            records
        ) as record
),

-- Sizes of a swap are in contracts of ctVal * ctMult base each (NautilusTrader's OKX guide); '' is unknown. listTime
-- may be the start of an auction.
named as (
    select
        {{ page_columns() | replace('    market,\n', '') }},
        request_params,
        {{ listed_name('record', 'instId') }} as venue_symbol,
        splitByChar('-', venue_symbol) as parts,
        if(length(parts) < 2, market, if(length(parts) > 2, 'perp', 'spot')) as market_of_id,
        parts[1] as base,
        parts[2] as quote,
        {{ listed_name('record', 'settleCcy') }} as settle,
        {{ okx_product('record') }} as product,
        if(
            product = if(market_of_id = 'perp', 'SWAP linear', 'SPOT'),
            {{ instrument_status(listed_name('record', 'state')) }},
            concat('unknown product type: ', product)
        ) as status,
        {{ listed_text('record', ['tickSz']) }} as tick_size_text,
        {{ listed_text('record', ['lotSz']) }} as lot_size_text,
        {{ listed_text('record', ['minSz']) }} as min_qty_text,
        ifNull({{ listed_text('record', ['ctVal']) }}, '') as contract_value_text,
        ifNull({{ listed_text('record', ['ctMult']) }}, '') as multiplier_text,
        -- A product of decimals is exact; a value in a currency other than the base is unknown in base units.
        multiIf(
            contract_value_text = '' or {{ listed_name('record', 'ctValCcy') }} not in ('', base), null,
            multiplier_text in ('', '1'), contract_value_text,
            isNull(toDecimal256OrNull(contract_value_text, 18)) or isNull(toDecimal256OrNull(multiplier_text, 18)),
            concat(contract_value_text, ' * ', multiplier_text),
            toString(toDecimal256OrNull(contract_value_text, 18) * toDecimal256OrNull(multiplier_text, 18))
        ) as contract_size_text,
        {{ listed_text('record', ['listTime']) }} as listed_at_text,
        record as raw_row,
        '' as page_problem
    from exploded
),

of_market as (
    select * except (market, market_of_id), market_of_id as market
    from named
),

{{ finish_instruments('of_market', absent=['min_notional']) }}
