{#- Creates a table that only grows, from the contract's columns and descriptions. -#}
{%- macro create_log_table(relation) -%}
    {%- set columns = [] -%}
    {%- for column in model.columns.values() -%}
        {%- do columns.append(column.name ~ ' ' ~ column.data_type ~ " comment '" ~ sql_text(column.description) ~ "'") -%}
    {%- endfor -%}
    {%- do run_query(
        'create table if not exists ' ~ relation ~ on_cluster() ~ ' (' ~ columns | join(', ') ~ ') engine = ' ~ var('log_engine')
        ~ ' order by (' ~ config.require('order_by') | join(', ') ~ ") comment '" ~ sql_text(model.description) ~ "'") -%}
{%- endmacro -%}
