{#- Quarantines and exclusions that were in force when a build began. -#}
{%- macro active_quarantines(version) -%}
select *
from {{ source('ops', 'quarantine') }}
where
    action != 'release'
    and recorded_at < {{ build_began(version) }}
    and quarantine_id not in (
        select released.quarantine_id from {{ source('ops', 'quarantine') }} as released
        where released.action = 'release' and released.recorded_at < {{ build_began(version) }}
    )
{%- endmacro -%}

{%- macro build_began(version) -%}
    (select min(builds.recorded_at) from {{ source('ops', 'builds') }} as builds where builds.version = {{ version }})
{%- endmacro -%}

{#- The same for bars, one row per timeframe. -#}
{%- macro quarantines_at(version) -%}
select
    active.instrument_id as instrument_id,
    arrayJoin(if(active.timeframe = '', {{ timeframe_names() }}, [active.timeframe])) as timeframe,
    active.range_start as range_start,
    active.range_end as range_end,
    active.action as action,
    concat(active.reason, ' (', active.author, ')') as reason,
    active.recorded_at as recorded_at
from ({{ active_quarantines(version) }}) as active
where active.dataset = 'bars'
{%- endmacro -%}

{#- Applies quarantines to a mart during a build, after its rows were added: rows withheld by a released quarantine come
    back, and open rows covered by an active one are closed by this build. No published snapshot changes. -#}
{%- macro apply_quarantine(dataset) -%}
    {%- if execute and quarantines_since_publication() -%}
        {%- set info = datasets()[dataset] -%}
        {%- do run_query(reopen_released_rows_sql(this, info, dataset)) -%}
        {%- do run_query(close_quarantined_rows_sql(this, info, dataset)) -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro close_quarantined_rows_sql(relation, info, dataset) -%}
    {%- set columns = stored_columns() | join(', ') -%}
insert into {{ relation }} ({{ columns }}, valid_from_version, valid_to_version)
select {{ columns }}, valid_from_version, {{ build_version() }}
from {{ relation }} final
where {{ open_rows() }} and {{ covered_by(active_quarantines(build_version()), info, dataset) }}
{%- endmacro -%}

{#- Of a key without an open row, the row that was withheld last, unless another quarantine still covers it. Of every
    release, however old: a publication in between may not have built this mart. -#}
{%- macro reopen_released_rows_sql(relation, info, dataset) -%}
    {%- set columns = stored_columns() | join(', ') -%}
    {%- set released = released_quarantines(build_version()) -%}
insert into {{ relation }} ({{ columns }}, valid_from_version)
select {{ columns }}, {{ build_version() }}
from (
    select *, max(valid_to_version) over (partition by {{ key_list() }}) as last_end
    from {{ relation }} final
    where ({{ key_list() }}) in (
        select {{ key_list() }} from {{ relation }} where {{ covered_by(released, info, dataset) }}
    )
)
where
    valid_to_version = last_end and last_end != 4294967295
    and {{ covered_by(released, info, dataset) }}
    and not ({{ covered_by(active_quarantines(build_version()), info, dataset) }})
order by valid_from_version desc
limit 1 by {{ key_list() }}
{%- endmacro -%}

{#- Quarantines that had been released when a build began. -#}
{%- macro released_quarantines(version) -%}
select *
from {{ source('ops', 'quarantine') }}
where
    action != 'release'
    and quarantine_id in (
        select r.quarantine_id from {{ source('ops', 'quarantine') }} as r
        where r.action = 'release' and r.recorded_at < {{ build_began(version) }}
    )
{%- endmacro -%}

{#- Condition on rows of a mart: at least one of the quarantines covers them. A quarantine covers rows seen before it
    was recorded; an exclusion of a series (without) also covers later ones. -#}
{%- macro covered_by(quarantines, info, dataset) -%}
    {%- set time -%}
        toDateTime64({{ info.time }}, 3, 'UTC')
    {%- endset -%}
    {%- set ours -%}
        (select * from ({{ quarantines }}) where dataset = '{{ dataset }}')
    {%- endset -%}
    {{ info.instrument }} in (select instrument_id from {{ ours }})
    and {{ time }} >= (select min(range_start) from {{ ours }}) and {{ time }} < (select max(range_end) from {{ ours }})
    and arrayExists(
        q -> q.1 = {{ info.instrument }} and q.2 in ('', {{ info.timeframe }})
        and q.3 <= {{ time }} and {{ time }} < q.4
        and (q.5 = 'without' or ingested_at <= q.6),
        (
            select groupArray((instrument_id, timeframe, range_start, range_end, toString(action), recorded_at))
            from {{ ours }}
        )
    )
{%- endmacro -%}
