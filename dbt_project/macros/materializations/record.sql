{#- A table that other models write to while they are built. The model creates it empty and documents it. -#}
{%- materialization record, adapter='clickhouse' -%}
    {{ run_hooks(pre_hooks) }}
    {%- do create_log_table(this) -%}
    {%- call statement('main') -%}select 1{%- endcall -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization -%}
