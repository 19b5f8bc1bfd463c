{#- Statement that lists the rows of a finding, for people to run. The values come from the data, so they are escaped. -#}
{%- macro listing(mart, condition="''", time='open_time', timeframe='timeframe') -%}
    concat(
        'select * from marts.{{ mart }} final where valid_to_version = 4294967295',
        if(instrument_id = '', '', concat(' and instrument_id = ''', instrument_id, '''')),
        if({{ timeframe }} = '', '', concat(' and timeframe = ''', {{ timeframe }}, '''')),
        ' and {{ sql_text(time) }} >= ''', toString(range_start), ''' and {{ sql_text(time) }} < ''', toString(range_end), '''',
        {{ condition }}
    )
{%- endmacro -%}

{#- Findings of the row rules of a mart: one for each rule, series and UTC day. -#}
{%- macro find_broken_rules(mart, time, rows_condition, timeframe="''", instrument='instrument_id') -%}
    {%- set rules = row_rules(mart) -%}
select
    found.1 as audit,
    found.2 as severity,
    instrument_id,
    timeframe,
    toDateTime64(min(moment), 3, 'UTC') as range_start,
    addMilliseconds(toDateTime64(max(moment), 3, 'UTC'), 1) as range_end,
    count() as rows,
    argMax(found.3, abs(found.3)) as worst,
    concat(
        toString(count()), ' rows break: ', any(found.4),
        if(any(found.6) = '', '', concat(': ', arrayStringConcat(groupUniqArray(5)(found.6), ', ')))
    ) as detail,
    {{ listing(mart, "concat(' and not ifNull(', any(found.4), ', false)')", time) }} as rows_sql
from (
    select
        {{ instrument }} as instrument_id,
        {{ timeframe }} as timeframe,
        {{ time }} as moment,
        arrayJoin(arrayFilter(pair -> not pair.5, [
            {%- for name, rule in rules.items() %}
            tuple(
                '{{ name }}', '{{ rule[1] }}', cast({{ rule[2] }} as Nullable(Float64)), '{{ sql_text(rule[0]) }}',
                ifNull({{ rule[0] }}, false), {{ 'toString(' ~ rule[3] ~ ')' if rule | length > 3 else "''" }}
            ){{ ',' if not loop.last }}
            {%- endfor %}
        ])) as found
    from {{ ref(mart) }} final
    where {{ rows_condition }}
)
group by found.1, found.2, instrument_id, timeframe, toDate(moment)
{%- endmacro -%}

{#- Keys with more than one open row. -#}
{%- macro find_doubles(mart, audit, time, key) -%}
select
    '{{ audit }}' as audit,
    'error' as severity,
    {{ 'instrument_id' if 'instrument_id' in key else "''" }} as instrument_id,
    '' as timeframe,
    toDateTime64(min(moment), 3, 'UTC') as range_start,
    addMilliseconds(toDateTime64(max(moment), 3, 'UTC'), 1) as range_end,
    sum(copies) as rows,
    toFloat64(max(copies)) as worst,
    concat(toString(count()), ' keys have more than one open row') as detail,
    {{ listing(mart, time=time) }} as rows_sql
from (
    select {{ key | join(', ') }}, {{ time }} as moment, count() as copies
    from {{ ref(mart) }} final
    where {{ open_rows() }}
    group by {{ key | join(', ') }}
    having copies > 1
)
group by instrument_id, toDate(moment)
{%- endmacro -%}
