{#- A variable that differs from run to run: `mdw` gives it in the environment (MDW_DBT_RUN, JSON), because dbt parses the whole
    project again where --vars changed; plain dbt takes it from --vars. -#}
{%- macro of_this_run(name) -%}
    {%- if not execute -%}{{ return(var(name)) }}{%- endif -%}
    {{ return(fromjson(env_var('MDW_DBT_RUN', '{}')).get(name, var(name))) }}
{%- endmacro -%}
