{#- Product of a record of OKX's instruments: instType, of a swap with its contract type. -#}
{%- macro okx_product(record) -%}
    trim(trailing ' ' from concat({{ listed_name(record, 'instType') }}, ' ', {{ listed_name(record, 'ctType') }}))
{%- endmacro -%}
