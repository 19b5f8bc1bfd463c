{#- Findings of some audits, one query per audit (see the materialization `work_table`). -#}
{%- macro findings_of(relations) -%}
    {%- set rendered_by = ref('audit_run') -%}
    {%- for relation in relations %}
    {%- if not loop.first %}
{{ next_query() }}
    {%- endif %}
select * from {{ relation }}
    {%- endfor %}
{%- endmacro -%}

{#- The findings of one audit in the common format. An audit declared for `raw` names the dataset of each finding; for
    the others it comes from the declaration. -#}
{%- macro formatted_findings(audit, query) -%}
select
    cast(audit as String) as audit,
    cast(severity as String) as severity,
    cast(instrument_id as String) as instrument_id,
    cast(timeframe as String) as timeframe,
    cast(range_start as Nullable(DateTime64(3, 'UTC'))) as range_start,
    cast(range_end as Nullable(DateTime64(3, 'UTC'))) as range_end,
    cast(`rows` as UInt64) as `rows`,
    cast(worst as Nullable(Float64)) as worst,
    cast(detail as String) as detail,
    cast(rows_sql as String) as rows_sql,
    cast({{ 'dataset' if audits().get(audit, [''])[0] == 'raw' else "''" }} as String) as dataset
from ({{ query }})
{%- endmacro -%}

{#- The queries of a work table. dbt puts the CTEs of all ephemeral models (the audits) before the first query; here
    each query gets its own. -#}
{%- macro queries_of(sql) -%}
    {%- set ctes = model.extra_ctes or [] -%}
    {%- if not ctes -%}{{ return(sql.split(next_query())) }}{%- endif -%}
    {%- for cte in ctes if cte.id.endswith('.audit_run') and invocation_id not in cte['sql'] -%}
        {%- do exceptions.raise_compiler_error(
            'the audits were rendered by an earlier run of this process, for the rows of that run: dbtRunner was given '
            ~ 'a manifest that had been used before. Give each run a freshly parsed manifest. Nothing was '
            ~ 'published.') -%}
    {%- endfor -%}
    {%- set queries = [] -%}
    {%- for query in (sql.split(ctes[-1].sql) | last).split(next_query()) -%}
        {%- set audit = modules.re.search('__dbt__cte__([a-z0-9_]+)', query).group(1) -%}
        {%- set needed, text = [], [query] -%}
        {%- for cte in ctes | reverse if '__dbt__cte__' ~ cte.id.split('.')[-1] in text | join -%}
            {%- do needed.insert(0, cte['sql']) -%}
            {%- do text.append(cte['sql']) -%}
        {%- endfor -%}
        {%- set with_ctes %}
            with {{ needed | join(',') }}
            {{ formatted_findings(audit, query) }}
        {%- endset -%}
        {%- do queries.append(with_ctes) -%}
    {%- endfor -%}
    {{ return(queries) }}
{%- endmacro -%}

{#- Logs the errors of this run in dbt's own output: audit, series, range, runbook. -#}
{%- macro log_errors(relation) -%}
    {%- if execute -%}
        {%- set query -%}
            select audit, instrument_id, timeframe, toString(range_start), toString(range_end), detail, runbook
            from {{ relation }}
            where run = {{ build_version() }} and severity = 'error'
            order by `rows` desc
            limit 50
        {%- endset -%}
        {%- for row in run_query(query) -%}
            {%- do log('audit ' ~ row[0] ~ ': ' ~ ([row[1], row[2]] | select | join(' '))
                ~ ' [' ~ row[3] ~ ', ' ~ row[4] ~ ') ' ~ row[5] ~ ' (' ~ row[6] ~ ')', info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
