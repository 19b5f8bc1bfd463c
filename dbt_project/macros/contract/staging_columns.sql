{#- Columns and types that every staging model of an entity has, in order: the contract of the leaves, which
    models/staging/<entity>.yml declares. Empty while dbt parses the project. `only_numbers`: those that are doubles.
    -#}
{%- macro staging_columns(entity, only_numbers=false) -%}
    {%- set found = {} -%}
    {%- set first = 'model.market_data.' ~ staging_leaves(entity)[0].model -%}
    {%- for column in (graph.nodes[first].columns.values() if execute else [])
        if not only_numbers or column.data_type == 'Nullable(Float64)' -%}
        {%- do found.update({column.name: column.data_type}) -%}
    {%- endfor -%}
    {{ return(found.keys() | list if only_numbers else found) }}
{%- endmacro -%}
