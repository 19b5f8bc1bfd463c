{#- The published datasets (vars of dbt_project.yml). If a name extended another one (`bars`, `bars_daily`), its member
    views would match the other's. -#}
{%- macro datasets() -%}
    {%- set found = var('datasets') -%}
    {%- for name in found -%}
        {%- for other in found if name.startswith(other ~ '_') -%}
            {%- do exceptions.raise_compiler_error(
                'the name of dataset ' ~ name ~ ' extends that of dataset ' ~ other
                ~ ': their member views in snaps could not be distinguished. Choose another name.') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro -%}
