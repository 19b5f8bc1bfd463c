{#- The registry of snapshots: the last node of a build. Its one row publishes the build's version under an id, after
    the id's member views have been created. An existing id is left unchanged, with a notice. -#}
{%- materialization registry, adapter='clickhouse' -%}
    {{ run_hooks(pre_hooks) }}
    {%- do create_log_table(this) -%}
    {#- Code from before row_hash existed would publish a snapshot that cannot be verified. -#}
    {%- call statement('require_row_hash') -%}
        alter table {{ this }}{{ on_cluster() }}
        add constraint if not exists this_code_is_older_than_the_data check row_hash != ''
    {%- endcall -%}
    {{ get_assert_columns_equivalent(sql) }}
    {%- for dataset in datasets() -%}{%- do create_merge_table(dataset) -%}{%- endfor -%}
    {%- do reconcile_member_views(this) -%}
    {%- set id = snapshot_id() -%}
    {%- set version_of_id -%}
        select data_version from {{ this }} where snapshot_id = '{{ id }}'
    {%- endset -%}
    {%- set known = first_column(version_of_id) -%}
    {%- if not known and only_checks_code() -%}
        {%- do log('nothing published: runs with --state or --defer only check code', info=true) -%}
        {%- call statement('main') -%}select 1{%- endcall -%}
    {%- elif known -%}
        {%- do log("snapshot " ~ id ~ " exists (data version " ~ known[0] ~ "): left unchanged, nothing published",
            info=true) -%}
        {%- call statement('main') -%}select 1{%- endcall -%}
    {%- else -%}
        {%- do refuse_unaudited_rows() -%}
        {#- Before the nodes are compared: one that is recorded has the views, too. -#}
        {%- for dataset in datasets() -%}
            {%- do create_member_view(dataset, id, build_version(), rules()) -%}
        {%- endfor -%}
        {%- do record_nodes_with_this_build() -%}
        {%- call statement('main') -%}
            insert into {{ this }} ({{ model.columns.keys() | join(', ') }})
            select {{ model.columns.keys() | join(', ') }} from ({{ sql }})
        {%- endcall -%}
        {#- Each v_*_at looks up its id during planning, which takes 1 ms longer with five parts than with one. -#}
        {%- call statement('merge_registry') -%}
            optimize table {{ this }} final
        {%- endcall -%}
        {%- do record_step('done') -%}
        {%- do wait_for_registry(this) -%}
        {%- do log('published snapshot ' ~ id ~ ' (data version ' ~ build_version() ~ ')', info=true) -%}
    {%- endif -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization -%}
