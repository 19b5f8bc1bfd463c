{#- dbt looks for overrides of its macros in the root project only, which is this one. -#}
{%- macro clickhouse__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ market_data.clickhouse__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro -%}
