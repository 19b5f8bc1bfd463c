{#- Creates an append-only table from the contract's columns and descriptions; columns added to the contract later are
    added to an existing one. `node`: the model, if it is not the running one. -#}
{%- macro create_log_table(relation, node=none) -%}
    {%- set node = node or model -%}
    {%- set create -%}
        create table if not exists {{ relation }}{{ on_cluster() }} (
            {%- for column in node.columns.values() %}
            {{ column_definition(column) }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
        engine = {{ log_engine() }}
        order by ({{ node.config.get('order_by') | join(', ') }})
        comment '{{ sql_text(node.description) }}'
    {%- endset -%}
    {%- set existing -%}
        select name
        from system.columns
        where database = '{{ relation.schema }}' and table = '{{ relation.identifier }}'
    {%- endset -%}
    {%- do run_query(create) -%}
    {%- for column in node.columns.values() | rejectattr('name', 'in', first_column(existing)) -%}
        {%- call statement('add_column') -%}
            alter table {{ relation }}{{ on_cluster() }} add column if not exists {{ column_definition(column) }}
        {%- endcall -%}
    {%- endfor -%}
{%- endmacro -%}

{%- macro column_definition(column) -%}
    {{ column.name }} {{ column.data_type }} comment '{{ sql_text(column.description) }}'
{%- endmacro -%}
