{#- Name of the rendered node: in a generic test, `model` is the table under test. -#}
{%- macro name_of_node() -%}
    {{ return(model.name) }}
{%- endmacro -%}
