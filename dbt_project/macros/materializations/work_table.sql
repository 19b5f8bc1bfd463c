{#- A table that each run recreates, without swapping or comparing with its previous state. Its SQL may consist of
    several queries separated by next_query(): planning a long UNION ALL takes longer than planning its branches
    separately. -#}
{%- materialization work_table, adapter='clickhouse' -%}
    {{ run_hooks(pre_hooks) }}
    {%- set columns = model.columns.keys() | join(', ') -%}
    {%- call statement('drop') -%}
        drop table if exists {{ this }}{{ on_cluster() }}
    {%- endcall -%}
    {%- do create_log_table(this) -%}
    {%- for query in queries_of(sql) -%}
        {%- call statement('main') -%}
            insert into {{ this }} ({{ columns }}) select {{ columns }} from ({{ query }})
        {%- endcall -%}
    {%- endfor -%}
    {%- do record_step('done') -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization -%}

{#- The line between two queries of a work table: when read or run manually, they are one UNION ALL. -#}
{%- macro next_query() -%}
    union all -- next query
{%- endmacro -%}
