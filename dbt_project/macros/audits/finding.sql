{#- Query that lists the rows of a finding, for people to run. The values come from the data, so they are escaped. -#}
{%- macro finding_rows_sql(mart, condition="''", time='open_time', timeframe='timeframe') -%}
    concat(
        'select * from marts.{{ mart }} final where valid_to_version = 4294967295',
        if(instrument_id = '', '', concat(' and instrument_id = ''', instrument_id, '''')),
        if({{ timeframe }} = '', '', concat(' and timeframe = ''', {{ timeframe }}, '''')),
        ' and {{ sql_text(time) }} >= ''', toString(range_start),
        ''' and {{ sql_text(time) }} < ''', toString(range_end), '''',
        {{ condition }}
    )
{%- endmacro -%}

{#- Keys of a published dataset with more than one open row. -#}
{%- macro duplicate_keys(dataset) -%}
    {%- set info = datasets()[dataset] -%}
    {%- set time -%}
        {%- if info.time == 'date' -%}
            toDateTime64({{ info.time }}, 3, 'UTC')
        {%- else -%}
            {{ info.time }}
        {%- endif -%}
    {%- endset -%}
select
    '{{ dataset }}_one_open_row' as audit,
    'error' as severity,
    {{ info.instrument }} as instrument_id,
    '' as timeframe,
    toDateTime64(min(moment), 3, 'UTC') as range_start,
    addMilliseconds(toDateTime64(max(moment), 3, 'UTC'), 1) as range_end,
    sum(copies) as `rows`,
    toFloat64(max(copies)) as worst,
    concat(toString(count()), ' keys have more than one open row') as detail,
    {{ finding_rows_sql(info.mart, time=time) }} as rows_sql
from (
    select
        {{ info.key | join(', ') }},
        {{ time }} as moment,
        count() as copies
    from {{ ref(info.mart) }} final
    where {{ open_rows() }}
    group by {{ info.key | join(', ') }}
    having copies > 1
)
group by instrument_id, toDate(moment)
{%- endmacro -%}

{#- Bars or payments with different values from REST and the archive. -#}
{%- macro lane_differences(dataset) -%}
select
    '{{ dataset }}_archive_against_rest' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), 1) as range_end,
    count() as `rows`,
    cast(null as Nullable(Float64)) as worst,
    concat(toString(count()), ' differences, such as: ', any(difference)) as detail,
    concat(
        'select * from marts.dq_lane_differences final where valid_to_version = 4294967295 and difference != \'\'',
        ' and dataset = \'', dataset, '\' and instrument_id = \'', instrument_id,
        '\' and timeframe = \'', timeframe, '\''
    ) as rows_sql
from {{ ref('dq_lane_differences') }} final
where {{ open_rows() }} and difference != '' and dataset = '{{ dataset }}'
group by dataset, instrument_id, timeframe, toDate(event_time)
{%- endmacro -%}

{#- Bars or payments with an optional value (quote_volume, trade_count, mark_price) that could not be read. The row is
    published with NULL, and its day is degraded. -#}
{%- macro unreadable_values(dataset) -%}
select
    '{{ dataset }}_readable' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), 1) as range_end,
    count() as `rows`,
    cast(null as Nullable(Float64)) as worst,
    concat(toString(count()), ' rows, such as: ', any(reason)) as detail,
    concat(
        'select * from marts.dq_rejected_rows final where valid_to_version = 4294967295 and is_kept',
        ' and dataset = \'', dataset, '\' and instrument_id = \'', instrument_id,
        '\' and timeframe = \'', timeframe, '\''
    ) as rows_sql
from ({{ unresolved_rejects() }})
where dataset = '{{ dataset }}' and is_kept
group by dataset, instrument_id, timeframe, toDate(event_time)
{%- endmacro -%}

{#- The result of an audit that has nothing to check in this run. -#}
{%- macro no_findings() -%}
select
    '' as audit,
    '' as severity,
    '' as dataset,
    '' as instrument_id,
    '' as timeframe,
    null as range_start,
    null as range_end,
    0 as `rows`,
    null as worst,
    '' as detail,
    '' as rows_sql
where false
{%- endmacro -%}
