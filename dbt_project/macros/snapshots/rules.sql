{#- Version of the rules by which the views derive columns that no mart stores, such as interval_hours. Each snapshot
    keeps the number that it was published with: a changed rule gets the next number, and snapshots with lower numbers
    continue to show what the previous rule gave. 0: published before rules were numbered; 1: funding intervals of any
    whole hours; 2: an unknown classification of the Fear & Greed index is NULL instead of ''. -#}
{%- macro rules() -%}
    {{ return(2) }}
{%- endmacro -%}

{#- The same, for use where an argument shadows the macro's name. -#}
{%- macro current_rules() -%}
    {{ return(rules()) }}
{%- endmacro -%}
