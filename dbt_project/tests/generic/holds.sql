{#- Unpublished rows that violate a rule. `rule` is an SQL condition that every row must satisfy. -#}
{% test holds(model, rule) %}
select *
from {{ model }} final
where {{ unpublished() }} and not ifNull({{ rule }}, false)
{% endtest %}
