{#- The only list of venues: staging models by entity, and their raw tables. A new venue gets a block here. `sparse`:
    the venue omits bars without trades, so that a short gap is not an outage. `contracts`: quantities of its perpetuals
    are in contracts, not base units. -#}
{%- macro venues() -%}
    {{ return({
        'binance': {
            'bars': {
                'stg_binance__spot_bars': 'binance__spot_klines',
                'stg_binance__perp_bars': 'binance__usdm_klines',
                'stg_binance__spot_bars_archive': 'binance__archive_spot_klines',
                'stg_binance__perp_bars_archive': 'binance__archive_usdm_klines',
            },
            'funding': {
                'stg_binance__funding': 'binance__usdm_funding',
                'stg_binance__funding_archive': 'binance__archive_usdm_funding',
            },
            'instruments': {
                'stg_binance__spot_instruments': 'binance__spot_instruments',
                'stg_binance__perp_instruments': 'binance__usdm_instruments',
            },
        },
        'okx': {
            'contracts': true,
            'bars': {
                'stg_okx__spot_bars': 'okx__spot_candles',
                'stg_okx__spot_bars_archive': 'okx__archive_spot_candles',
            },
            'funding': {
                'stg_okx__funding': 'okx__swap_funding',
                'stg_okx__funding_archive': 'okx__archive_swap_funding',
            },
            'instruments': {'stg_okx__instruments': 'okx__instruments'},
        },
        'bybit': {
            'bars': {'stg_bybit__spot_bars': 'bybit__spot_klines'},
            'instruments': {'stg_bybit__spot_instruments': 'bybit__spot_instruments'},
        },
        'coinbase': {
            'sparse': true,
            'bars': {'stg_coinbase__spot_bars': 'coinbase__spot_candles'},
            'instruments': {'stg_coinbase__spot_instruments': 'coinbase__spot_instruments'},
        },
        'alternative_me': {
            'fear_greed': {'stg_alternative_me__fear_greed': 'alternative_me__fear_greed'},
        },
    }) }}
{%- endmacro -%}

{#- Staging models of an entity, each with its raw table. -#}
{%- macro staging_leaves(entity) -%}
    {%- set leaves = [] -%}
    {%- for venue in venues().values() -%}
        {%- for model, raw in venue.get(entity, {}).items() -%}
            {%- do leaves.append({'model': model, 'raw': raw}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(leaves) }}
{%- endmacro -%}

{#- Names of the venues that omit bars without trades, as SQL string literals. -#}
{%- macro sparse_venues() -%}
    {{ return(venues_with('sparse')) }}
{%- endmacro -%}

{#- Names of the venues whose perpetuals are quantified in contracts, as SQL string literals. -#}
{%- macro contract_venues() -%}
    {{ return(venues_with('contracts')) }}
{%- endmacro -%}

{%- macro venues_with(mark) -%}
    {%- set names = [] -%}
    {%- for name, venue in venues().items() if venue.get(mark) -%}{%- do names.append(name) -%}{%- endfor -%}
    {{ return(quoted(names)) }}
{%- endmacro -%}

{#- Rows of all or some leaves of an entity, from the pages that this build processes for a mart, or that satisfy a
    condition. -#}
{%- macro union_leaves(entity, mart, condition=none, leaves=none) -%}
    {%- for leaf in leaves or staging_leaves(entity) %}
    select {{ staging_columns(entity).keys() | join(', ') }}
    from {{ ref(leaf.model) }}
    where {{ condition or is_selected_page(mart) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro -%}
