{#- Creates an append-only table from the contract's columns and descriptions; columns added to the contract later are
    added to an existing one. `node`: the model, if it is not the running one. -#}
{%- macro create_log_table(relation, node=none) -%}
    {%- set columns = [] -%}
    {%- set node = node or model -%}
    {%- for column in node.columns.values() -%}
        {%- do columns.append(column.name ~ ' ' ~ column.data_type ~ " comment '" ~ sql_text(column.description)
            ~ "'") -%}
    {%- endfor -%}
    {%- do run_query(
        'create table if not exists ' ~ relation ~ on_cluster() ~ ' (' ~ columns | join(', ') ~ ') engine = '
        ~ log_engine()
        ~ ' order by (' ~ node.config.get('order_by') | join(', ') ~ ") comment '" ~ sql_text(node.description)
        ~ "'") -%}
    {%- set found = run_query(
        "select name from system.columns where database = '" ~ relation.schema ~ "' and table = '"
        ~ relation.identifier ~ "'").rows
        | map('first') | list -%}
    {%- for column in columns if column.split(' ')[0] not in found -%}
        {%- do run_query('alter table ' ~ relation ~ on_cluster() ~ ' add column if not exists ' ~ column) -%}
    {%- endfor -%}
{%- endmacro -%}
