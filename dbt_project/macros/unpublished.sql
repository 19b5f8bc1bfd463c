{#- Condition of rows that an audit looks at: open, and not yet published (all open rows with var audit_everything).
    A build that follows a failed one looks at the failed rows again. -#}
{%- macro unpublished() -%}
    valid_to_version = 4294967295 and valid_from_version > {{ 0 if var('audit_everything') else last_published_version() }}
{%- endmacro -%}
