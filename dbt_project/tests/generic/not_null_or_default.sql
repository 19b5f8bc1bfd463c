{#- Rows in which a required column is NULL, or has the value that ClickHouse stores instead of NULL in a column that is
    not Nullable: '' or 1970-01-01. Checks only days to which the build added rows: rows_to_check. -#}
{% test not_null_or_default(model, dataset, columns, of_view=false) %}
{%- if not of_view %}
{#- After the audits, so that they also report on such rows; before the registry. -#}
-- depends_on: {{ ref('dq_audit_results') }}
{%- endif -%}
{%- set known -%}
{%- for column in columns -%}
ifNull({{ column }} != defaultValueOfArgumentType({{ column }}), false){{ ' and ' if not loop.last }}
{%- endfor -%}
{%- endset %}
select *
from {{ rows_to_check(model, dataset) }}
where not ({{ known }})
{% endtest %}
