{#- The one list of venues: for each entity its staging models and the raw tables behind them.
    A new venue is a raw table, a staging model and a line here. -#}
{%- macro staging_leaves(entity) -%}
    {%- set leaves = {
        'bars': [
            {'model': 'stg_binance__spot_bars', 'raw': 'binance__spot_klines'},
            {'model': 'stg_binance__perp_bars', 'raw': 'binance__usdm_klines'},
            {'model': 'stg_okx__spot_bars', 'raw': 'okx__spot_candles'},
            {'model': 'stg_bybit__spot_bars', 'raw': 'bybit__spot_klines'},
            {'model': 'stg_binance__spot_bars_archive', 'raw': 'binance__archive_spot_klines'},
            {'model': 'stg_binance__perp_bars_archive', 'raw': 'binance__archive_usdm_klines'},
            {'model': 'stg_okx__spot_bars_archive', 'raw': 'okx__archive_spot_candles'},
        ],
        'funding': [
            {'model': 'stg_binance__funding', 'raw': 'binance__usdm_funding'},
            {'model': 'stg_okx__funding', 'raw': 'okx__swap_funding'},
            {'model': 'stg_binance__funding_archive', 'raw': 'binance__archive_usdm_funding'},
            {'model': 'stg_okx__funding_archive', 'raw': 'okx__archive_swap_funding'},
        ],
        'instruments': [
            {'model': 'stg_binance__spot_instruments', 'raw': 'binance__spot_instruments'},
            {'model': 'stg_binance__perp_instruments', 'raw': 'binance__usdm_instruments'},
            {'model': 'stg_okx__instruments', 'raw': 'okx__instruments'},
            {'model': 'stg_bybit__spot_instruments', 'raw': 'bybit__spot_instruments'},
        ],
        'fear_greed': [
            {'model': 'stg_alternative_me__fear_greed', 'raw': 'alternative_me__fear_greed'},
        ],
    } -%}
    {{ return(leaves[entity]) }}
{%- endmacro -%}

{#- Rows of every leaf of an entity, from the pages that this build took up for a mart, or from those of a condition. -#}
{%- macro union_leaves(entity, mart, condition=none) -%}
    {%- for leaf in staging_leaves(entity) %}
    select {{ staging_columns(entity).keys() | join(', ') }}
    from {{ ref(leaf.model) }}
    where {{ condition or taken_up(mart) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro -%}
