{#- Text escaped for use inside a single-quoted SQL literal. -#}
{%- macro sql_text(text) -%}
    {{ return((text | string).replace('\\', '\\\\').replace("'", "\\'")) }}
{%- endmacro -%}

{#- Texts as SQL string literals, separated by commas. -#}
{%- macro quoted(texts) -%}
    {%- for text in texts -%}'{{ sql_text(text) }}'{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro -%}
