{#- Name of the node that is rendered: in a generic test `model` is the table that it looks at. -#}
{%- macro name_of_node() -%}
    {{ return(model.name) }}
{%- endmacro -%}
