{#- Keys with more than one open row, among those that the build changed. -#}
{% test one_open_row(model, key) %}
select {{ key | join(', ') }}, count() as open_rows, groupArray(valid_from_version) as versions
from {{ model }} final
where valid_to_version = 4294967295
    and ({{ key | join(', ') }}) in (select {{ key | join(', ') }} from {{ model }} where {{ unpublished() }})
group by {{ key | join(', ') }}
having open_rows > 1
{% endtest %}
