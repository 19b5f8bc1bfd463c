{#- Whether any build set conflicting rows aside. -#}
{%- macro has_conflicts() -%}
    {%- set query -%}
        select 1 from {{ ref('dq_conflicting_rows') }} limit 1
    {%- endset -%}
    {{ return(has_rows(query) if execute else true) }}
{%- endmacro -%}

{#- Condition on staging rows of a series: they were not set aside as conflicting. -#}
{%- macro not_in_conflict(dataset, time) -%}
    (
        toString(instrument_id), {{ 'toString(timeframe)' if dataset == 'bars' else "''" }}, {{ time }},
        toString(source), ingested_at
    ) not in (
        select toString(c.instrument_id), toString(c.timeframe), c.event_time, toString(c.source), c.ingested_at
        from {{ ref('dq_conflicting_rows') }} as c
        where c.dataset = '{{ dataset }}'
    )
{%- endmacro -%}
