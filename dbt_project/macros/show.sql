{#- How `dbt show` limits a result: around the query, since views end with SETTINGS and LIMIT must come before it. A
    parameterized view is shown for the snapshot of var snapshot_id, otherwise for the newest. SQL given by --inline is
    not changed. -#}
{%- macro clickhouse__get_limit_sql(sql, limit) -%}
    {%- if model.resource_type not in ['model',
        'test'] -%}{{ return(dbt.default__get_limit_sql(sql, limit)) }}{%- endif -%}
    {%- set parameter = '{snapshot_id:String}' -%}
select * from (
{{ sql.replace(parameter, quoted([snapshot_to_show()])) if parameter in sql else sql }}
)
    {%- if limit is not none %}
limit {{ limit }}
    {%- endif -%}
{%- endmacro -%}

{%- macro snapshot_to_show() -%}
    {%- set given = run_var('snapshot_id') | string -%}
    {%- if given -%}{{ return(given) }}{%- endif -%}
    {{ return(scalar('select argMax(snapshot_id, data_version) from marts.snapshots')) }}
{%- endmacro -%}
