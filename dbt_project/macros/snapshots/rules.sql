{#- Version of the rules by which the views derive columns that no mart stores, such as interval_hours. Each snapshot keeps
    the number that it was published with: a rule that changes gets the next one, and snapshots of lower numbers go on to
    show what the rule before gave. -#}
{%- macro rules() -%}
    {{ return(1) }}
{%- endmacro -%}
