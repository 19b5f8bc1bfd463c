{#- `on cluster` clause of statements; empty on a single server. -#}
{%- macro on_cluster() -%}
    {%- set cluster = adapter.get_clickhouse_cluster_name() -%}
    {{ return((' on cluster ' ~ cluster) if cluster else '') }}
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
