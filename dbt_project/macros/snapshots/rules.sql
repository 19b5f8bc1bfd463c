{#- Version of the rules by which the views derive columns that no mart stores, such as interval_hours. Each snapshot
    keeps the number that it was published with: a rule that changes gets the next one, and snapshots of lower numbers
    go on to show what the rule before gave. 0: published before rules were numbered; 1: funding intervals of any whole
    hours; 2: an unknown classification of the Fear & Greed index is NULL instead of ''. -#}
{%- macro rules() -%}
    {{ return(2) }}
{%- endmacro -%}

{#- The same, where an argument has the name of the macro. -#}
{%- macro current_rules() -%}
    {{ return(rules()) }}
{%- endmacro -%}
