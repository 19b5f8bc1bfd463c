{#- exchangeInfo of Binance. Sizes live in a list of filters; the smallest order value is MIN_NOTIONAL.minNotional in
    spot until 2023, NOTIONAL.minNotional since, MIN_NOTIONAL.notional on USD-M. Spot tells no listing date. -#}
{%- macro binance_instruments(pages, condition) -%}
{%- set filter_value = "tupleElement(arrayFirst(filter -> filter.filterType = '{}', record.filters), '{}')" -%}
with source as (
    select * from {{ pages }} where http_status = 200
),

exploded as (
    select *, record
    from source
    array join
        arrayFilter(
            row -> {{ condition }},
            JSONExtract(
                payload, 'symbols',
                'Array(Tuple(symbol String, status String, contractType String, baseAsset String, quoteAsset String,
                    marginAsset String, onboardDate Nullable(String), filters Array(Tuple(filterType String,
                    tickSize Nullable(String), stepSize Nullable(String), minQty Nullable(String), minNotional Nullable(String), notional Nullable(String)))))'
            )
        ) as record
),

named as (
    select
        {{ page_columns() }},
        request_params,
        record.symbol as venue_symbol,
        record.baseAsset as base,
        record.quoteAsset as quote,
        record.marginAsset as settle,
        {{ instrument_status('record.status') }} as status,
        {{ filter_value.format('PRICE_FILTER', 'tickSize') }} as tick_size_text,
        {{ filter_value.format('LOT_SIZE', 'stepSize') }} as lot_size_text,
        {{ filter_value.format('LOT_SIZE', 'minQty') }} as min_qty_text,
        coalesce(
            {{ filter_value.format('NOTIONAL', 'minNotional') }},
            {{ filter_value.format('MIN_NOTIONAL', 'minNotional') }},
            {{ filter_value.format('MIN_NOTIONAL', 'notional') }}
        ) as min_notional_text,
        record.onboardDate as listed_at_text,
        toJSONString(record) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_instruments('named', absent=['contract_size']) }}
{%- endmacro -%}
