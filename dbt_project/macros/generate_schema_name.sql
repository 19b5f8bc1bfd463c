{#- Databases are named exactly staging and marts: without a prefix of the target, and with no other target. -#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {%- do market_data.refuse_other_schemas() -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro -%}
