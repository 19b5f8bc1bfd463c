{#- exchangeInfo of Binance. Sizes are in a list of filters; the minimum order value is MIN_NOTIONAL.minNotional for
    spot until 2023, NOTIONAL.minNotional since, MIN_NOTIONAL.notional on USD-M. Spot has no listing date.
    `has_contracts`: USD-M lists perpetuals and dated futures of the same base and quote. A dated one has its date in
    the symbol. Any other unknown contract type counts as the perpetual, unless the page also contains the perpetual.
    -#}
{%- macro binance_instruments(pages, has_contracts=false) -%}
{%- set type = listed_name('record', 'contractType') -%}
{%- set pair -%}
    concat({{ listed_name('record', 'baseAsset') }}, '/', {{ listed_name('record', 'quoteAsset') }})
{%- endset -%}
{%- set is_perpetual -%}
    {{ type }} in ('PERPETUAL', 'TRADIFI_PERPETUAL', 'PERPETUAL DELIVERING', 'PERPETUAL_DELIVERING')
{%- endset -%}
with source as (
    select * from {{ pages }} where http_status = 200
),

listed as (
    select
        *,
        JSONExtractArrayRaw(payload, 'symbols') as records
        {%- if has_contracts %},
        arrayMap(record -> {{ pair }}, arrayFilter(record -> {{ is_perpetual }}, records)) as perpetual_pairs
        {%- endif %}
    from source
),

exploded as (
    select *, record
    from listed
    {%- if has_contracts %}
    array join
        arrayFilter(
            record -> {{ is_perpetual }}
            or not (match({{ listed_name('record', 'symbol') }}, '_[0-9]{6}') or has(perpetual_pairs, {{ pair }})),
            records
        ) as record
    {%- else %}
    array join records as record
    {%- endif %}
),

filters as (
    select *, JSONExtractArrayRaw(record, 'filters') as filters
    from exploded
),

named as (
    select
        {{ page_columns() }},
        request_params,
        {{ listed_name('record', 'symbol') }} as venue_symbol,
        {{ listed_name('record', 'baseAsset') }} as base,
        {{ listed_name('record', 'quoteAsset') }} as quote,
        {{ listed_name('record', 'marginAsset') }} as settle,
        {{ instrument_status(listed_name('record', 'status')) }} as status_of_word,
        {%- if has_contracts %}
        -- A contract that is not listed yet has no type.
        if(
            {{ is_perpetual }} or ({{ type }} = '' and status_of_word = 'pending'), status_of_word,
            concat('unknown contract type: ', ifNull(nullIf({{ type }}, ''), 'none'))
        ) as status,
        {%- else %}
        status_of_word as status,
        {%- endif %}
        {{ listed_text(binance_filter('PRICE_FILTER'), ['tickSize']) }} as tick_size_text,
        {{ listed_text(binance_filter('LOT_SIZE'), ['stepSize']) }} as lot_size_text,
        {{ listed_text(binance_filter('LOT_SIZE'), ['minQty']) }} as min_qty_text,
        coalesce(
            {{ listed_text(binance_filter('NOTIONAL'), ['minNotional']) }},
            {{ listed_text(binance_filter('MIN_NOTIONAL'), ['minNotional']) }},
            {{ listed_text(binance_filter('MIN_NOTIONAL'), ['notional']) }}
        ) as min_notional_text,
        {{ listed_text('record', ['onboardDate']) }} as listed_at_text,
        record as raw_row,
        '' as page_problem
    from filters
),

{{ finish_instruments('named', absent=['contract_size']) }}
{%- endmacro -%}

{#- A record's filter of some type. -#}
{%- macro binance_filter(type) -%}
    arrayFirst(filter -> JSONExtractString(filter, 'filterType') = '{{ type }}', filters)
{%- endmacro -%}
