{#- An append-only table: each build adds the rows of the model's SQL. -#}
{%- materialization append_log, adapter='clickhouse' -%}
    {{ run_hooks(pre_hooks) }}
    {%- do create_log_table(this) -%}
    {{ get_assert_columns_equivalent(sql) }}
    {%- call statement('main') -%}
        insert into {{ this }} ({{ model.columns.keys() | join(', ') }})
        select {{ model.columns.keys() | join(', ') }} from ({{ sql }})
    {%- endcall -%}
    {%- do record_step('done') -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization -%}
