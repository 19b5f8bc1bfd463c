{#- Rows that wait for publication and break a rule. `rule` is an SQL condition that every row must meet. -#}
{% test holds(model, rule) %}
select *
from {{ model }} final
where {{ unpublished() }} and not ifNull({{ rule }}, false)
{% endtest %}
