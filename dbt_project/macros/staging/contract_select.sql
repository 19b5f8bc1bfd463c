{#- The final select list of a staging model: each column of the contract, cast to its type. -#}
{%- macro contract_select(entity) -%}
    {%- for name, type in staging_columns(entity).items() %}
    cast({{ name }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}
