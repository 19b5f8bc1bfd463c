{#- Errors that one audit found in this run: they keep the build from publishing. -#}
{% test audit_passes(model, audit) %}
select *
from {{ model }}
where run = (select max(run) from {{ model }}) and audit = '{{ audit }}' and severity = 'error'
{% endtest %}
