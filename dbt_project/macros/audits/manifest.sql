{%- macro manifest_relation() -%}
    marts.snapshot_manifest
{%- endmacro -%}

{#- Rows and hashes of the newest snapshot by group, computed from the mart: for the groups that it changed, or for all.
    -#}
{%- macro counted_rows(dataset) -%}
    {%- set info = datasets()[dataset] -%}
    {%- set last = last_published_version() -%}
    {%- set changed -%}
        from {{ manifest_relation() }} where dataset = '{{ dataset }}' and version = {{ last }}
    {%- endset -%}
select
    '{{ dataset }}' as dataset,
    cast({{ info.instrument }} as String) as instrument_id,
    cast({{ info.timeframe }} as String) as timeframe,
    toStartOfMonth(toDate({{ info.time }})) as month,
    toInt64(count()) as counted,
    sum({{ published_row_hash(dataset) }}) as hashed
from {{ ref(info.mart) }} final
where
    valid_from_version <= {{ last }} and valid_to_version > {{ last }}
    {%- if not audits_everything() %}
        {%- if info.partition %}
    and {{ info.partition }} in (select {{ info.partition | replace(info.time, 'month') }} {{ changed }})
        {%- endif %}
    and ({{ info.instrument }}, {{ info.timeframe }}, toStartOfMonth(toDate({{ info.time }}))) in (
        select instrument_id, timeframe, month {{ changed }}
    )
    {%- endif %}
group by instrument_id, timeframe, month
{%- endmacro -%}

{#- The same for every group of bars: the open rows, already summed in dq_bar_hours, minus what changed since the
    publication. -#}
{%- macro counted_bars() -%}
select
    'bars' as dataset,
    toString(instrument_id) as instrument_id,
    toString(timeframe) as timeframe,
    toStartOfMonth(toDate(hour)) as month,
    toInt64(sum(bars)) as counted,
    sum(dq_bar_hours.content_hash) as hashed
from {{ ref('dq_bar_hours') }} as dq_bar_hours
group by instrument_id, timeframe, month
union all
select
    dataset,
    instrument_id,
    timeframe,
    month,
    -row_delta as counted,
    toUInt128(removed_hash - added_hash) as hashed
from ({{ manifest_delta('bars', published_row_hash('bars')) }})
{%- endmacro -%}
