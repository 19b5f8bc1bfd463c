{#- The last steps of every staging model of an entity: text to types, the problem of a row, the contract. `named` is
    the CTE with page_columns(), page_problem, raw_row and one <column>_text per value; `absent` are columns that the
    venue does not provide, which are NULL. Bars: `whole` are columns given as <column>_json, Variant(Int64, String),
    instead of text; `closed` is a condition on the typed row, for pages that may contain an open bar; `more` are
    additional numeric columns that this venue provides, NULL at the others; `also` are columns outside the contract. An
    optional value that cannot be read is NULL, and `notice` reports it. -#}
{%- macro finish_bars(named, absent=[], whole=[], closed='', more=[], also=[]) -%}
{%- set required = ['open', 'high', 'low', 'close', 'volume'] -%}
{%- set others = staging_columns('bars', only_numbers=true) | reject('in', required + ['quote_volume']) | list -%}
typed as (
    select
        *,
        {%- for name in whole %}
        ifNull(toString({{ name }}_json), '') as {{ name }}_text,
        {%- endfor %}
        {{ ms_to_time("variantElement(open_time_json, 'Int64')")
            if 'open_time' in whole else to_time('open_time_text') }} as open_time,
        {%- for name in required %}
        {{ to_number(name ~ '_text') }} as {{ name }},
        {%- endfor %}
        {{ 'null' if 'quote_volume' in absent else to_amount('quote_volume_text') }} as quote_volume,
        {%- for name in others %}
        {{ to_amount(name ~ '_text') if name in more else 'null' }} as {{ name }},
        {%- endfor %}
        {% if 'trade_count' in whole -%}
        if(trade_count_is_truth, null, accurateCastOrNull(variantElement(trade_count_json, 'Int64'), 'UInt64'))
        {%- else -%}
        {{ 'null' if 'trade_count' in absent else 'toUInt64OrNull(trade_count_text)' }}
        {%- endif %} as trade_count
    from {{ named }}
),

checked as (
    select
        *,
        {{ first_problem(['open_time'] + required) }} as problem,
        {{ unreadable_attributes((['quote_volume', 'trade_count'] | reject('in', absent) | list) + more) }} as notice
    from typed
    {%- if closed %}
    where {{ closed }}
    {%- endif %}
)

select {{ contract_select('bars') }}
{%- for name in also %},
    {{ name }}
{%- endfor %}
from checked
{%- endmacro -%}

{#- A mark price that cannot be read is NULL, and `notice` reports it. -#}
{%- macro finish_funding(named, absent=[]) -%}
typed as (
    select
        *,
        {{ to_time('funding_time_raw_text') }} as funding_time_raw,
        {{ to_number('funding_rate_text') }} as funding_rate,
        {{ 'null' if 'mark_price' in absent else positive_number('mark_price_text') }} as mark_price
    from {{ named }}
),

checked as (
    select
        *,
        {{ first_problem(['funding_time_raw', 'funding_rate']) }} as problem,
        {{ unreadable_attributes(['mark_price'] | reject('in', absent) | list, zero_is_none=true) }} as notice
    from typed
)

select {{ contract_select('funding') }}
from checked
{%- endmacro -%}

{#- An instrument without a symbol, base or quote is withheld. An optional attribute that cannot be read is NULL, and
    `notice` reports it. -#}
{%- macro finish_instruments(named, absent=[]) -%}
{%- set numbers = ['tick_size', 'lot_size', 'min_qty', 'min_notional', 'contract_size'] -%}
{%- set optional = (numbers + ['listed_at']) | reject('in', absent) | list -%}
{%- set names = ['venue_symbol', 'base', 'quote'] -%}
typed as (
    select
        * except (symbol, instrument_id),
        concat(base, '/', quote) as symbol,
        concat(venue, ':', market, ':', base, '/', quote) as instrument_id,
        {%- for name in numbers %}
        {{ 'null' if name in absent else positive_number(name ~ '_text') }} as {{ name }},
        {%- endfor %}
        {{ 'null' if 'listed_at' in absent else listing_time('listed_at_text') }} as listed_at,
        -- A request for certain symbols proves nothing about other instruments, nor does a rejected page.
        page_problem = '' and not match(request_params, '(?i)"(symbols?|instId|baseCoin)"') as is_full_listing
    from {{ named }}
),

checked as (
    select
        *,
        multiIf(
            page_problem != '', page_problem,
            {%- for name in names %}
            {{ name }} = '', concat('{{ name }} is missing: ', substringUTF8(raw_row, 1, 200)),
            {%- endfor %}
            ''
        ) as problem,
        {{ unreadable_attributes(optional, zero_is_none=true) }} as notice
    from typed
)

select {{ contract_select('instruments') }}
from checked
{%- endmacro -%}
