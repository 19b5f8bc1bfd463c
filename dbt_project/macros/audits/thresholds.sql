{#- A threshold of var `audits`; var `audit_overrides` changes single ones for a run. -#}
{%- macro threshold(name) -%}
    {%- set all = dict(var('audits'), **var('audit_overrides')) -%}
    {%- for unknown in [name] + var('audit_overrides').keys() | list if unknown not in var('audits') -%}
        {%- do exceptions.raise_compiler_error(
            "'" ~ unknown ~ "' is not a threshold of an audit: allowed are " ~ var('audits').keys() | join(', ') ~ ' (dbt_project.yml, var audits).') -%}
    {%- endfor -%}
    {%- if all[name] is not number or all[name] is boolean -%}
        {%- do exceptions.raise_compiler_error("the threshold '" ~ name ~ "' is " ~ all[name] ~ ': it must be a number.') -%}
    {%- endif -%}
    {{ return(all[name]) }}
{%- endmacro -%}

{#- SQL: the threshold return_warn_<timeframe> of the row's timeframe. Each timeframe must have one of its own. -#}
{%- macro return_worth_a_look() -%}
    multiIf(
        {%- for timeframe in var('timeframes') %}timeframe = '{{ timeframe }}', {{ threshold('return_warn_' ~ timeframe) }}, {% endfor -%}
        null)
{%- endmacro -%}
