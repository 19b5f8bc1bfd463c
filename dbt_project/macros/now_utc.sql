{#- The current time in UTC: var `now` if a market is replayed, otherwise the server's clock. -#}
{%- macro now_utc() -%}
    {%- if run_var('now') -%}
        parseDateTime64BestEffort('{{ sql_text(run_var('now')) }}', 3, 'UTC')
    {%- else -%}
        now64(3, 'UTC')
    {%- endif -%}
{%- endmacro -%}
