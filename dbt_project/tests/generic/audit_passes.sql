{#- Findings of one audit in this run: errors fail it and keep the build from publishing, warnings are shown. -#}
{% test audit_passes(model, audit) %}
{{ config(error_if="!= 0 and countIf(severity = 'error') > 0", warn_if='!= 0') }}
select *
from {{ model }}
where run = (select max(run) from {{ model }}) and audit = '{{ audit }}' and severity in ('warn', 'error')
{% endtest %}
