{#- Bit k of the result is set where the k-th rule of the mart is broken. -#}
{%- macro broken_rules(mart) -%}
    toUInt16(
        {%- for rule in row_rules(mart).values() %}
        {{ '+ ' if not loop.first }}bitShiftLeft(toUInt16(not ifNull({{ rule[0] }}, false)), {{ loop.index0 }})
        {%- endfor %}
    )
{%- endmacro -%}
