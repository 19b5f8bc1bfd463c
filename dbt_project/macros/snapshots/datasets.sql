{#- The published datasets (vars of dbt_project.yml). A name that continues another one (`bars`, `bars_daily`) would
    make its member views those of the other. -#}
{%- macro datasets() -%}
    {%- set found = var('datasets') -%}
    {%- for name in found -%}
        {%- for other in found if name.startswith(other ~ '_') -%}
            {%- do exceptions.raise_compiler_error(
                'dataset ' ~ name ~ ' continues the name of dataset ' ~ other
                ~ ': their member views in snaps could not be told apart. Choose another name.') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro -%}
