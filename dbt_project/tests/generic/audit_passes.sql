{#- The declaration of an audit, under the table that it judges, and what it found in the newest run: `dataset`, the
    worst `severity` that it reports, its `thresholds` (name: value), and of an audit of single rows the `rule` that
    each must meet (macro row_rules). The test has the audit's name; the heading in runbooks/audits.md, too.

    An audit that may report errors fails by errors, which keep the build from publishing (its warnings:
    audits_worth_a_look); one of severity warn warns. One of severity info lists what is not wrong: its test warns where
    it did not report at all. #}
{% test audit_passes(model, dataset, reports, thresholds={}, rule=none, worst=none, shown=none) %}
{%- set audit = name_of_node() -%}
{{ config(
    severity='error' if reports == 'error' else 'warn',
    tags=['audit', dataset],
    meta={'dataset': dataset, 'severity': reports, 'runbook': 'runbooks/audits.md#' ~ audit, 'thresholds': thresholds},
) }}
{%- set results = ref('dq_audit_results') %}
-- audited rows: {{ model }}
{% if reports == 'info' %}
select count() as results
from {{ results }}
where run = (select max(run) from {{ results }}) and audit = '{{ audit }}'
having results = 0
{% else %}
select *
from {{ results }}
where run = (select max(run) from {{ results }}) and audit = '{{ audit }}' and severity = '{{ reports }}'
{% endif %}
{% endtest %}
