{#- SQL of v_<dataset>_at: the snapshot is a parameter; an unknown one is an error, never an empty result. -#}
{%- macro view_at(dataset) -%}
with {{ version_of_parameter(ref('snapshots')) }} as cutoff
{%- if dataset in ['funding', 'fear_greed'] -%}
,
    (
        select named.rules from {{ ref('snapshots') }} as named where named.snapshot_id = {snapshot_id:String}
    ) as its_rules
{%- endif %}
{{ published_rows(dataset, 'cutoff', snapshot_id='{snapshot_id:String}', rules='its_rules') }}
{%- endmacro -%}

{#- The data version of the snapshot that a parameterized view is called with. For an unknown one, a text that is not a
    number stops the query during planning; an aggregate with an explicit check would cost readers 1 ms more. -#}
{%- macro version_of_parameter(snapshots) -%}
    {%- set version -%}
    toUInt32(
        ifNull(
            toString((
                select named.data_version from {{ snapshots }} as named where named.snapshot_id = {snapshot_id:String}
            )),
            'unknown snapshot_id: marts.v_snapshots lists the published ones'
        )
    )
    {%- endset -%}
    {{ version_or_error(version) }}
{%- endmacro -%}

{#- SQL of v_snapshot_manifest_at: row count and content hash of each series and month of the snapshot. -#}
{%- macro view_manifest_at() -%}
with {{ version_of_parameter(ref('snapshots')) }} as cutoff
select
    toLowCardinality({snapshot_id:String}) as snapshot_id,
    manifest.dataset as dataset,
    manifest.instrument_id as instrument_id,
    manifest.timeframe as timeframe,
    manifest.month as month,
    toInt64(argMax(manifest.row_count, manifest.version)) as row_count,
    lower(hex(argMax(manifest.content_hash, manifest.version))) as content_hash
from {{ ref('snapshot_manifest') }} as manifest
where manifest.version <= cutoff
group by dataset, instrument_id, timeframe, month
having row_count > 0
{%- endmacro -%}

{#- Scalar: the newest published version. On a cluster it is an error if this node does not know the snapshot that was
    the newest when the view was created; the view reaches a node before the rows do. -#}
{%- macro newest_version(snapshots) -%}
    {%- if on_cluster() -%}
    {%- set newest_known -%}
        select max(data_version) from {{ snapshots }}
    {%- endset -%}
    {%- set known = scalar(newest_known) if execute and table_exists(snapshots) else 0 -%}
    (
        select
            toUInt32(if(
                max(published.data_version) >= {{ known }}
                and max(published.data_version) <= {{ newest_held_version() }},
                toString(max(published.data_version)), {{ node_behind_message() }}
            ))
        from {{ snapshots }} as published
    )
    {%- else -%}
    (select max(published.data_version) from {{ snapshots }} as published)
    {%- endif -%}
{%- endmacro -%}

{#- SQL of v_<dataset>_latest: the newest published snapshot, never unpublished rows. -#}
{%- macro view_latest(dataset) -%}
    {%- set snapshots = ref('snapshots') -%}
with
    {{ newest_version(snapshots) }} as cutoff,
    (select argMax(snapshot_id, data_version) from {{ snapshots }}) as newest
{%- if dataset in ['funding', 'fear_greed'] -%}
,
    (select argMax(rules, data_version) from {{ snapshots }}) as its_rules
{%- endif %}
{{ published_rows(dataset, 'assumeNotNull(cutoff)', snapshot_id='assumeNotNull(newest)', rules='its_rules') }}
{%- endmacro -%}

{#- SQL of v_<dataset>: all live snapshots; a condition on snapshot_id reads only that member. A WHERE here would keep
    the server from skipping the other members. -#}
{%- macro view_of_all(dataset) -%}
    {%- set registry = ref('snapshots') -%}
-- depends_on: {{ registry }}
{#- Read through the member views behind snaps.*, which dbt does not know about: -#}
{{- '\n' -}}
-- depends_on: {{ ref(datasets()[dataset].mart) }}
select
    snapshot_id
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    {{ column.name }}
    {%- endfor %}
from snaps.{{ dataset }}
{%- if some_may_be_archived(registry) %}
{{ archived_guard(dataset) }}
{%- endif %}
{%- if on_cluster() %}
{{ behind_guard(dataset, registry) }}
{%- endif %}
{%- endmacro -%}

{#- On a cluster: a branch without rows that stops a reader who selects a snapshot that this node does not have, and
    every reader while the node has no session with Keeper: then it may not have heard of a snapshot, which would have
    no rows here. A node that was down while the snapshot was published knows it before it has its view. -#}
{%- macro behind_guard(dataset, registry) -%}
union all
select
    toLowCardinality(snapshot_id) as snapshot_id
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    no_{{ column.name }} as {{ column.name }}
    {%- endfor %}
from (select named.snapshot_id from {{ registry }} as named where named.data_version > {{ newest_held_version() }})
array join
    [1] as is_behind
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    [{{ default_of(column.data_type) }}] as no_{{ column.name }}
    {%- endfor %}
where
    throwIf(is_behind, {{ node_behind_message() }})
    and not (
        select throwIf(max(replica.is_session_expired or replica.is_readonly), {{ cut_off_message(dataset) }})
        from system.replicas as replica
        where replica.database = '{{ registry.schema }}' and replica.table = '{{ registry.identifier }}'
    )
{%- endmacro -%}

{#- A branch without rows that stops a reader who selects an archived snapshot, instead of returning nothing. Planning
    it costs every reader some milliseconds, so it is added only by the build after which a snapshot may be archived.
    -#}
{%- macro archived_guard(dataset) -%}
union all
select
    toLowCardinality(snapshot_id) as snapshot_id
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    no_{{ column.name }} as {{ column.name }}
    {%- endfor %}
from snaps.archived
{%- set message = 'this snapshot is archived: read it through marts.v_' ~ dataset
    ~ '_at(snapshot_id = ...), or make it live again with mdw snapshot protect' %}
{#- Columns of an ARRAY JOIN, because a condition on snapshot_id is pushed below it and evaluated first, while
    conditions on these columns, and the one that stops the query, come later; constants, because they are cheapest to
    plan. #}
array join
    [1] as is_archived
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    [{{ default_of(column.data_type) }}] as no_{{ column.name }}
    {%- endfor %}
where throwIf(is_archived, '{{ message }}')
{%- endmacro -%}

{#- Whether a snapshot is archived, or the next publication may archive one; true if nothing is built yet. -#}
{%- macro some_may_be_archived(registry) -%}
    {%- if not execute -%}{{ return(true) }}{%- endif -%}
    {%- set query -%}
        select maxIf(total_rows, database != 'snaps'), maxIf(total_rows, database = 'snaps')
        from system.tables
        where (database, name) in (('{{ registry.schema }}', '{{ registry.identifier }}'), ('snaps', 'archived'))
        having count() = 2
    {%- endset -%}
    {%- set rows = run_query(query).rows -%}
    {{ return(not rows or (rows[0][0] | int) >= (var('live_pins') | int) or (rows[0][1] | int) > 0) }}
{%- endmacro -%}
