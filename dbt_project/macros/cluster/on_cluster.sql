{#- `on cluster` clause of statements; empty on a single server. -#}
{%- macro on_cluster() -%}
    {%- set cluster = adapter.get_clickhouse_cluster_name() -%}
    {{ return((' on cluster ' ~ cluster) if cluster else '') }}
{%- endmacro -%}

{#- Stops a run that would leave tables and views on one node of a cluster, or that names a cluster beside tables that
    are not replicated. -#}
{%- macro refuse_other_topology() -%}
    {%- set engine = scalar("select any(engine) from system.tables where database = 'ops' and name = 'builds'") -%}
    {%- if engine.startswith('Replicated') and not on_cluster() -%}
        {%- do exceptions.raise_compiler_error(
            'MDW_CLUSTER is not set, and the tables of this server are replicated: this run would change one node '
            ~ "alone. Set it to the cluster's name in remote_servers. Nothing was changed.") -%}
    {%- elif on_cluster() and engine and not engine.startswith('Replicated') -%}
        {%- do exceptions.raise_compiler_error(
            "MDW_CLUSTER is '" ~ adapter.get_clickhouse_cluster_name() ~ "', and the tables of this server are not "
            ~ 'replicated (ops.builds is ' ~ engine ~ '). Unset it, or connect to a node of the cluster. Nothing was '
            ~ 'changed.') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Engine of append-only tables: var log_engine, otherwise chosen by topology. -#}
{%- macro log_engine() -%}
    {{ return(var('log_engine') or ('ReplicatedMergeTree' if on_cluster() else 'MergeTree')) }}
{%- endmacro -%}

{#- Engine of versioned tables. -#}
{%- macro versioned_engine() -%}
    {{ return(var('versioned_engine') or ('ReplicatedReplacingMergeTree' if on_cluster() else 'ReplacingMergeTree')) }}
{%- endmacro -%}

{#- Relations on this node. dbt-clickhouse queries every node of a cluster and fails if one does not respond. This
    project has no materialized views. -#}
{%- macro clickhouse__list_relations_without_caching(schema_relation) -%}
    {%- call statement('list_relations_without_caching', fetch_result=True) -%}
        select
            tables.name as name,
            tables.database as schema,
            multiIf(engine = 'View', 'view', engine = 'Dictionary', 'dictionary', 'table') as type,
            (
                select databases.engine from system.databases as databases
                where databases.name = '{{ schema_relation.schema }}'
            ) as db_engine,
            '[]' as mvs_pointing_to_it,
            0 as is_refreshable,
            0 as refreshable_append,
            {{ 1 if on_cluster() else 0 }} as is_on_cluster
        from system.tables as tables
        where tables.database = '{{ schema_relation.schema }}'
    {%- endcall -%}
    {{ return(load_result('list_relations_without_caching').table) }}
{%- endmacro -%}
