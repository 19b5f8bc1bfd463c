{#- Text made safe for the inside of a single-quoted literal. -#}
{%- macro sql_text(text) -%}
    {{ return((text | string).replace('\\', '\\\\').replace("'", "\\'")) }}
{%- endmacro -%}
