{#- Product of a record of OKX's instruments: instType, for swaps with the contract type. -#}
{%- macro okx_product(record) -%}
    trim(trailing ' ' from concat({{ listed_name(record, 'instType') }}, ' ', {{ listed_name(record, 'ctType') }}))
{%- endmacro -%}
