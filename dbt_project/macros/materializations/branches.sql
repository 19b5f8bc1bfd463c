{#- A table made anew from a long UNION ALL that is cut at branch_separator(), each piece inserted by itself: planning the
    whole takes longer than planning all pieces. -#}
{%- materialization branches, adapter='clickhouse' -%}
    {{ run_hooks(pre_hooks) }}
    {%- set columns = model.columns.keys() | join(', ') -%}
    {%- do run_query('drop table if exists ' ~ this ~ on_cluster()) -%}
    {%- do create_log_table(this) -%}
    {%- for branch in sql.split(branch_separator()) -%}
        {%- call statement('main') -%}
            insert into {{ this }} ({{ columns }}) select {{ columns }} from ({{ branch }})
        {%- endcall -%}
    {%- endfor -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization -%}

{#- The line between two branches. -#}
{%- macro branch_separator() -%}
    union all -- next branch
{%- endmacro -%}
