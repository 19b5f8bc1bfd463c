{#- Bit k of the result is set if the row violates the k-th rule of the mart. -#}
{%- macro violated_rules(mart) -%}
    toUInt16(
        {%- for one in row_rules(mart).values() %}
        {{ '+ ' if not loop.first }}bitShiftLeft(toUInt16(not ifNull({{ one.rule }}, false)), {{ loop.index0 }})
        {%- endfor %}
    )
{%- endmacro -%}

{#- Findings of the row rules of a mart: one for each rule, series and UTC day. `time` is the SQL of a row's time. -#}
{%- macro row_rule_violations(mart, time, condition, timeframe="''", instrument='instrument_id') -%}
select
    found.1 as audit,
    found.2 as severity,
    instrument_id,
    timeframe,
    toDateTime64(min(moment), 3, 'UTC') as range_start,
    addMilliseconds(toDateTime64(max(moment), 3, 'UTC'), 1) as range_end,
    count() as `rows`,
    argMax(found.3, abs(found.3)) as worst,
    concat(
        toString(count()), ' rows violate: ', any(found.4),
        if(any(found.6) = '', '', concat(': ', arrayStringConcat(groupUniqArray(5)(found.6), ', ')))
    ) as detail,
    {{ finding_rows_sql(mart, "concat(' and not ifNull(', any(found.4), ', false)')", time) }} as rows_sql
from (
    select
        {{ instrument }} as instrument_id,
        {{ timeframe }} as timeframe,
        {{ time }} as moment,
        arrayJoin(arrayFilter(pair -> not pair.5, [
            {%- for name, one in row_rules(mart).items() %}
            tuple(
                '{{ name }}', '{{ one.severity }}', cast({{ one.worst }} as Nullable(Float64)),
                '{{ sql_text(one.rule) }}',
                ifNull({{ one.rule }}, false),
                {% if one.shown %}toString({{ one.shown }}){% else %}''{% endif %}
            ){{ ',' if not loop.last }}
            {%- endfor %}
        ])) as found
    from {{ ref(mart) }} final
    where {{ condition }}
)
group by found.1, found.2, instrument_id, timeframe, toDate(moment)
{%- endmacro -%}
