{#- A threshold of var `audits`; var `audit_overrides` changes single ones for a run. -#}
{%- macro threshold(name) -%}
    {%- set all = dict(var('audits'), **var('audit_overrides')) -%}
    {%- if name not in all -%}
        {%- do exceptions.raise_compiler_error(
            "'" ~ name ~ "' is no threshold of an audit: allowed are " ~ var('audits').keys() | join(', ') ~ ' (dbt_project.yml, var audits).') -%}
    {%- endif -%}
    {{ return(all[name]) }}
{%- endmacro -%}
