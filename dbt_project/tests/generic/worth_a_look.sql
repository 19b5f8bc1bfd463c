{#- Warnings of this run, of any audit. -#}
{% test worth_a_look(model) %}
select *
from {{ model }}
where run = (select max(run) from {{ model }}) and severity = 'warn'
{% endtest %}
