{#- What one audit found in the newest run, under the table that it judges. Its severity, dataset and runbook come from the
    catalog (macros/audits/catalog.sql). An audit that may report errors fails by errors, which keep the build from publishing
    (its warnings: audits_worth_a_look); any other one warns. -#}
{% test audit_passes(model, audit) %}
{%- set dataset, severity = audits()[audit] -%}
{{ config(
    severity=severity,
    tags=['audit', dataset],
    meta={'dataset': dataset, 'severity': severity, 'runbook': 'runbooks/audits.md#' ~ audit},
) }}
{%- set results = ref('dq_audit_results') %}
-- audited rows: {{ model }}
select *
from {{ results }}
where run = (select max(run) from {{ results }}) and audit = '{{ audit }}' and severity = '{{ severity }}'
{% endtest %}
