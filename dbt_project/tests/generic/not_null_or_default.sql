{#- Rows in which a column that must be known is NULL, or holds what ClickHouse stores instead of NULL in a column that
    is not Nullable: '' or 1970-01-01. Looks only where the build added rows: rows_to_check. -#}
{% test not_null_or_default(model, dataset, columns, of_view=false) %}
{%- if not of_view %}
{#- After the audits, so that they report on such rows, too; before the registry. -#}
-- depends_on: {{ ref('dq_audit_results') }}
{%- endif -%}
{%- set known = [] -%}
{%- for column in columns -%}
    {%- do known.append('ifNull(' ~ column ~ ' != defaultValueOfArgumentType(' ~ column ~ '), false)') -%}
{%- endfor %}
select *
from {{ rows_to_check(model, dataset) }}
where not ({{ known | join(' and ') }})
{% endtest %}
