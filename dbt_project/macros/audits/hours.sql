{#- Condition on rows of bars: in an hour of `hours` (series, timeframe, hour), or in the hour that is `before` hours
    earlier. -#}
{%- macro in_hours(hours, before=0, key='instrument_id') -%}
    {%- set edges -%}
        (select (subtractHours(min(hour), {{ before }}), addHours(max(hour), 1)) from ({{ hours }}))
    {%- endset -%}
    open_time >= tupleElement({{ edges }}, 1) and open_time < tupleElement({{ edges }}, 2)
    and ({{ key }}, timeframe, toStartOfHour(open_time)) in (
        select
            {{ key }},
            timeframe,
            {% if before %}arrayJoin([hour, subtractHours(hour, {{ before }})]){% else %}hour{% endif %}
        from ({{ hours }})
    )
{%- endmacro -%}

{%- macro audited_hours(condition='true') -%}
    select instrument_id, timeframe, hour from {{ ref('dq_bar_hours') }} where is_audited and {{ condition }}
{%- endmacro -%}
