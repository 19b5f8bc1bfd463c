{#- dbt asks the root project for the names of databases, for the models of its packages too. -#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {{ market_data.generate_schema_name(custom_schema_name, node) }}
{%- endmacro -%}
