{#- Columns of a staging model that differ in name or type from the contract of its entity (staging_columns). -#}
{% test staging_contract(model, entity) %}
{%- set columns = staging_columns(entity) %}
select
    coalesce(found.name, wanted.name) as column_name,
    wanted.type as wanted_type,
    found.type as found_type
from (
    select
        (arrayJoin(arrayZip([{{ quoted(columns.keys()) }}], [{{ quoted(columns.values()) }}])) as pair).1 as name,
        pair.2 as type
) as wanted
full outer join (
    select name, type from system.columns where database = '{{ model.schema }}' and table = '{{ model.identifier }}'
) as found on wanted.name = found.name
where not isNotDistinctFrom(wanted.type, found.type)
{% endtest %}
