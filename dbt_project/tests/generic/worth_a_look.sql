{#- Warnings of this run by audits that may also report errors: the tests of such audits check only their errors. -#}
{% test worth_a_look(model) %}
{%- set blocking = [] -%}
{%- for name, declared in audits().items() if declared[1] == 'error' -%}
    {%- do blocking.append(name) -%}
{%- endfor %}
select *
from {{ model }}
where run = (select max(run) from {{ model }}) and severity = 'warn' and audit in ({{ quoted(blocking) }})
{% endtest %}
