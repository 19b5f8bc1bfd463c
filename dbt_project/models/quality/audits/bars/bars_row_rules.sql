{#- Only hours in which dq_bar_hours found a violated rule. #}
{% set condition -%}
{{ open_rows() }} and {{ in_hours(audited_hours('broken != 0')) }}
{%- endset -%}
{{ row_rule_violations('bars', 'open_time', condition, timeframe='timeframe') }}
