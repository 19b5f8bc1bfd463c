{#- A table that other models write to while they are built. The model makes it, empty, and describes it. -#}
{%- materialization record, adapter='clickhouse' -%}
    {{ run_hooks(pre_hooks) }}
    {%- do create_log_table(this) -%}
    {%- call statement('main') -%}select 1{%- endcall -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization -%}
