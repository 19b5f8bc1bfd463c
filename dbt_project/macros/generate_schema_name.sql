{#- Databases are exactly staging and marts: no prefix of the target before them, and no other target. -#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {%- do market_data.refuse_other_schemas() -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro -%}
