{#- The value of a query that returns one. -#}
{%- macro scalar(query) -%}
    {{ return(run_query(query).rows[0][0]) }}
{%- endmacro -%}

{#- The values of a query with one column. -#}
{%- macro first_column(query) -%}
    {{ return(run_query(query).rows | map('first') | list) }}
{%- endmacro -%}

{%- macro has_rows(query) -%}
    {{ return(run_query(query).rows | length > 0) }}
{%- endmacro -%}

{%- macro table_exists(table) -%}
    {%- set query -%}
        exists table {{ table }}
    {%- endset -%}
    {{ return(scalar(query) | int == 1) }}
{%- endmacro -%}

{%- macro sleep_one_second() -%}
    {%- do run_query('select sleep(1)') -%}
{%- endmacro -%}
