{#- The declaration of an audit, under the table that it checks, and the test of its findings in the newest run:
    `dataset`, the highest severity that it `reports`, its `thresholds` (name: value), and for a row rule the `rule`
    that each row must satisfy (macro row_rules). The test has the name of the audit, as does the heading in
    runbooks/audits.md.

    The test of an audit that may report errors fails on errors, which block publication (its warnings appear under
    audits_worth_a_look); that of an audit of severity warn warns. An audit of severity info only lists: its test warns
    if the audit did not report. #}
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
