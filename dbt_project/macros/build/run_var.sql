{#- A variable that differs from run to run: `mdw` gives it in the environment (MDW_DBT_RUN, JSON), because dbt parses
    the whole project again where --vars changed. What --vars gives comes first. -#}
{%- macro run_var(name) -%}
    {%- if not execute -%}{{ return(var(name)) }}{%- endif -%}
    {{ return(var(name) or fromjson(env_var('MDW_DBT_RUN', '{}')).get(name, var(name))) }}
{%- endmacro -%}
