{#- Rows that a dbt test of a published dataset checks, as a subquery. For a mart: the open rows of every day (of a
    series) that has unpublished rows. For a reader view, whose rows have already passed the tests of the mart: in the
    newest snapshot, the last day of each series that its build changed, so that a backfill of years costs no more than
    an update. -#}
{%- macro rows_to_check(model, dataset) -%}
    {%- set info = datasets()[dataset] -%}
    {%- if not execute -%}{{ return(model) }}{%- endif -%}
    {%- if model.identifier == info.mart -%}
        {{ return('(select * from ' ~ model ~ ' final where ' ~ open_rows() ~ days_to_check(info, model, unpublished())
            ~ ')') }}
    {%- endif -%}
    {%- set marts = generate_schema_name('marts', none) | trim -%}
    {%- set newest = run_query(
        'select snapshot_id, data_version from ' ~ marts ~ '.snapshots order by data_version desc limit 2').rows -%}
    {%- if not newest -%}{{ return('(select * from ' ~ model ~ ' where false)') }}{%- endif -%}
    {%- set before = newest[1][1] if newest | length > 1 else 0 -%}
    {%- set changed = 'valid_from_version > ' ~ before ~ ' and valid_from_version <= ' ~ newest[0][1] -%}
    {{ return(
        '(select * from ' ~ model ~ " where snapshot_id = '" ~ newest[0][0] ~ "' and "
        ~ series_day(info, 'toDate(' ~ info.time ~ ')') ~ ' in (select ' ~ info.instrument ~ ', ' ~ info.timeframe
        ~ ', toDate(max(' ~ info.time ~ ')) from ' ~ marts ~ '.' ~ info.mart ~ ' where ' ~ changed ~ ' group by '
        ~ info.instrument ~ ', ' ~ info.timeframe ~ '))') }}
{%- endmacro -%}

{#- Condition on the days of a series that have such rows; empty if the run covers every row. -#}
{%- macro days_to_check(info, relation, condition) -%}
    {%- if audits_everything() -%}{{ return('') }}{%- endif -%}
    {%- set day = 'toDate(' ~ info.time ~ ')' -%}
    {{ return(
        ' and ' ~ series_day(info, day) ~ ' in (select distinct ' ~ info.instrument ~ ', ' ~ info.timeframe ~ ', ' ~ day
        ~ ' from ' ~ relation ~ ' where ' ~ condition ~ ')') }}
{%- endmacro -%}

{%- macro series_day(info, day) -%}
    {{ return('(' ~ info.instrument ~ ', ' ~ info.timeframe ~ ', ' ~ day ~ ')') }}
{%- endmacro -%}
