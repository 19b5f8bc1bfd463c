{#- Rows that a dbt test of a published dataset checks, as a subquery. For a mart: the open rows of every day (of a
    series) that has unpublished rows. For a reader view, whose rows have already passed the tests of the mart: in the
    newest snapshot, the last day of each series that its build changed, so that a backfill of years costs no more than
    an update. -#}
{%- macro rows_to_check(model, dataset) -%}
    {%- set info = datasets()[dataset] -%}
    {%- if not execute -%}{{ return(model) }}{%- endif -%}
    {%- if model.identifier == info.mart -%}
        {{ open_rows_to_check(model, info) }}
    {%- else -%}
        {{ published_rows_to_check(model, info) }}
    {%- endif -%}
{%- endmacro -%}

{%- macro open_rows_to_check(mart, info) -%}
    (
        select *
        from {{ mart }} final
        where
            {{ open_rows() }}
            {%- if not audits_everything() %}
            and ({{ info.instrument }}, {{ info.timeframe }}, toDate({{ info.time }})) in (
                select distinct {{ info.instrument }}, {{ info.timeframe }}, toDate({{ info.time }})
                from {{ mart }}
                where {{ unpublished() }}
            )
            {%- endif %}
    )
{%- endmacro -%}

{%- macro published_rows_to_check(view, info) -%}
    {%- set newest_two -%}
        select snapshot_id, data_version from marts.snapshots order by data_version desc limit 2
    {%- endset -%}
    {%- set newest = run_query(newest_two).rows -%}
    {%- if newest -%}
    (
        select *
        from {{ view }}
        where
            snapshot_id = '{{ newest[0][0] }}'
            and ({{ info.instrument }}, {{ info.timeframe }}, toDate({{ info.time }})) in (
                select {{ info.instrument }}, {{ info.timeframe }}, toDate(max({{ info.time }}))
                from marts.{{ info.mart }}
                where
                    valid_from_version > {{ newest[1][1] if newest | length > 1 else 0 }}
                    and valid_from_version <= {{ newest[0][1] }}
                group by {{ info.instrument }}, {{ info.timeframe }}
            )
    )
    {%- else -%}
    (select * from {{ view }} where false)
    {%- endif -%}
{%- endmacro -%}
