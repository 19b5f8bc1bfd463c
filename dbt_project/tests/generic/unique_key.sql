{#- Rows of a published dataset (var datasets) with a duplicate key: in a mart among its open rows, in a reader view in
    the newest snapshot. Checks only days to which the build added rows: rows_to_check. Uses a window, since rows are
    sorted by the key: grouping takes three times as long, and memory for every key. -#}
{% test unique_key(model, dataset, of_view=false) %}
{%- if not of_view %}
{#- After the audits, so that they also report on such rows; before the registry. -#}
-- depends_on: {{ ref('dq_audit_results') }}
{%- endif -%}
{%- set key = datasets()[dataset].key -%}
{%- set others = key[:-1] | join(', ') %}
select {{ key | join(', ') }}
from (
    select
        {{ key | join(', ') }},
        lagInFrame(toNullable({{ key[-1] }})) over (
            {% if others %}partition by {{ others }} {% endif %}order by {{ key[-1] }}
        ) as key_before
    from {{ rows_to_check(model, dataset) }}
)
where key_before = {{ key[-1] }}
{% endtest %}
