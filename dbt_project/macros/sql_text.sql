{#- Text escaped for use inside a single-quoted SQL literal. -#}
{%- macro sql_text(text) -%}
    {{ return((text | string).replace('\\', '\\\\').replace("'", "\\'")) }}
{%- endmacro -%}
