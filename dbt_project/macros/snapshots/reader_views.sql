{#- SQL of v_<dataset>_at: the snapshot is a parameter; an unknown one is an error, never an empty answer. -#}
{%- macro view_at(dataset) -%}
    {%- set snapshots = ref('snapshots') -%}
    {%- set id = '{snapshot_id:String}' -%}
with (
    select
        any(data_version) + throwIf(
            count() != 1, 'unknown snapshot_id: marts.v_snapshots lists the published ones'
        )
    from {{ snapshots }}
    where snapshot_id = {{ id }}
) as cutoff
select {{ id }} as snapshot_id, rows.*
from ({{ published_rows(dataset, 'assumeNotNull(cutoff)') }}) as rows
{%- endmacro -%}

{#- SQL of v_<dataset>_latest: the newest published snapshot, never rows that wait for publication. -#}
{%- macro view_latest(dataset) -%}
    {%- set snapshots = ref('snapshots') -%}
with
    (select max(data_version) from {{ snapshots }}) as cutoff,
    (select argMax(snapshot_id, data_version) from {{ snapshots }}) as newest
select cast(newest as String) as snapshot_id, rows.*
from ({{ published_rows(dataset, 'assumeNotNull(cutoff)') }}) as rows
{%- endmacro -%}

{#- SQL of v_<dataset>: all published snapshots side by side; a condition on snapshot_id reads that member only. -#}
{%- macro view_of_all(dataset) -%}
-- depends_on: {{ ref('snapshots') }}
select cast(snapshot_id as String) as snapshot_id, * except (snapshot_id)
from snaps.{{ dataset }}
{%- endmacro -%}
