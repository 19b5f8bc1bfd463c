{#- Macros of dbt-clickhouse that are replaced because they cost a statement per relation and build. -#}

{#- Comments on a relation and its columns. Which columns it has is only looked up where no contract was enforced: a
    parameterized view is described with a column that the view itself lacks. -#}
{%- macro clickhouse__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set described = for_relation and config.persist_relation_docs() and model.description -%}
    {%- set commented = model.columns.values() if for_columns and config.persist_column_docs() else [] -%}
    {%- set columns = commented | selectattr('description') | list -%}
    {%- set contract = model.contract and model.contract.enforced -%}
    {%- if columns and (not contract or config.get('materialized') == 'parameterized_view') -%}
        {%- set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
        {%- set columns = columns | selectattr('name', 'in', existing) | list -%}
    {%- endif -%}
    {%- if described or columns -%}
        {%- call statement('comments') -%}
            alter table {{ relation }}{{ on_cluster() }}
            {%- if described %} modify comment {{ clickhouse_escape_comment(model.description) }}{% endif -%}
            {%- for column in columns -%}
                {{ ',' if described or not loop.first }}
                comment column `{{ column.name }}` {{ clickhouse_escape_comment(column.description) }}
            {%- endfor -%}
        {%- endcall -%}
    {%- endif -%}
{%- endmacro -%}

{#- Looks for a materialized view that an earlier version of a model left: this project has none. -#}
{%- macro clickhouse__drop_associated_mv_if_it_was_automatically_created(relation) -%}{%- endmacro -%}
