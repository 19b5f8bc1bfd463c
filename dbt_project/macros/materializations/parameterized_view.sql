{#- A view with parameters. dbt cannot describe it without a value, so a test checks its contract instead. -#}
{%- materialization parameterized_view, adapter='clickhouse' -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        create or replace view {{ this }}{{ on_cluster() }}
        definer = current_user sql security definer
        as
        {{ sql }}
    {%- endcall -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='view')]}) }}
{%- endmaterialization -%}
