{#- SQL of v_<dataset>_at: the snapshot is a parameter; an unknown one is an error, never an empty answer. -#}
{%- macro view_at(dataset) -%}
with {{ version_of_parameter(ref('snapshots')) }} as cutoff
{{ published_rows(dataset, 'assumeNotNull(cutoff)', snapshot_id='{snapshot_id:String}') }}
{%- endmacro -%}

{#- The data version of the snapshot that a parameterized view is asked for, as a scalar subquery. -#}
{%- macro version_of_parameter(snapshots) -%}
    (
        select any(named.data_version) + throwIf(count() != 1, 'unknown snapshot_id: marts.v_snapshots lists the published ones')
        from {{ snapshots }} as named
        where named.snapshot_id = {snapshot_id:String}
    )
{%- endmacro -%}

{#- SQL of v_<dataset>_latest: the newest published snapshot, never rows that wait for publication. -#}
{%- macro view_latest(dataset) -%}
    {%- set snapshots = ref('snapshots') -%}
with
    (select max(data_version) from {{ snapshots }}) as cutoff,
    (select argMax(snapshot_id, data_version) from {{ snapshots }}) as newest
{{ published_rows(dataset, 'assumeNotNull(cutoff)', snapshot_id='assumeNotNull(newest)') }}
{%- endmacro -%}

{#- SQL of v_<dataset>: all published snapshots side by side; a condition on snapshot_id reads that member only. The
    second branch holds no rows: it stops a reader who names an archived snapshot, instead of answering with nothing.
    No WHERE in the first branch: it would keep the server from skipping the other members. -#}
{%- macro view_of_all(dataset) -%}
-- depends_on: {{ ref('snapshots') }}
select
    snapshot_id
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    {{ column.name }}
    {%- endfor %}
from snaps.{{ dataset }}
union all
select
    toLowCardinality(snapshot_id) as snapshot_id
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    no_{{ column.name }} as {{ column.name }}
    {%- endfor %}
from snaps.archived
{#- Columns of an ARRAY JOIN, because a condition on snapshot_id passes below it and is decided first, while conditions on
    these, and the one that stops, have to wait; and constants, because planning them costs least. #}
array join
    [1] as is_archived
    {%- for column in model.columns.values() if column.name != 'snapshot_id' %},
    [{{ default_of(column.data_type) }}] as no_{{ column.name }}
    {%- endfor %}
where throwIf(
    is_archived,
    'this snapshot is archived: read it by marts.v_{{ dataset }}_at(snapshot_id = ...), or bring it back by mdw snapshot protect'
)
{%- endmacro -%}
