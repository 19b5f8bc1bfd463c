{#- Recomputes rows and hashes of the newest published snapshot: of every group, or of the groups that it changed. -#}
{%- macro find_manifest_differences() -%}
    {%- set last = last_published_version() -%}
select
    'manifest_of_the_newest_snapshot' as audit,
    'error' as severity,
    coalesce(told.instrument_id, found.instrument_id) as instrument_id,
    coalesce(told.timeframe, found.timeframe) as timeframe,
    toDateTime64(coalesce(told.month, found.month), 3, 'UTC') as range_start,
    toDateTime64(addMonths(coalesce(told.month, found.month), 1), 3, 'UTC') as range_end,
    toUInt64(abs(toInt64(ifNull(told.row_count, 0)) - toInt64(ifNull(found.row_count, 0)))) as rows,
    toFloat64(rows) as worst,
    concat(
        coalesce(told.dataset, found.dataset), ': the manifest tells ', toString(ifNull(told.row_count, 0)), ' rows, there are ',
        toString(ifNull(found.row_count, 0)), '; data version {{ last }}'
    ) as detail,
    concat('select * from marts.snapshot_manifest where dataset = ''', coalesce(told.dataset, found.dataset), '''') as rows_sql
from (
    select
        toString(dataset) as dataset,
        instrument_id,
        timeframe,
        month,
        argMax(row_count, version) as row_count,
        argMax(content_hash, version) as content_hash
    from {{ manifest_relation() }}
    where version <= {{ last }}
    group by dataset, instrument_id, timeframe, month
    {%- if not audits_everything() %}
    having max(version) = {{ last }}
    {%- endif %}
) as told
full outer join (
    select
        dataset,
        instrument_id,
        timeframe,
        month,
        sum(counted) as row_count,
        sum(hashed) as content_hash
    from (
        {%- for dataset in datasets() %}
        {{ 'union all' if not loop.first }}
        {{ counted_bars() if dataset == 'bars' and audits_everything() else counted_rows(dataset) }}
        {%- endfor %}
    )
    group by dataset, instrument_id, timeframe, month
) as found
    on
        told.dataset = found.dataset and told.instrument_id = found.instrument_id
        and told.timeframe = found.timeframe and told.month = found.month
where
    ifNull(told.row_count, 0) != ifNull(found.row_count, 0)
    or ifNull(told.content_hash, toUInt128(0)) != ifNull(found.content_hash, toUInt128(0))
{%- endmacro -%}

{%- macro manifest_relation() -%}
    {{ generate_schema_name('marts', none) | trim }}.snapshot_manifest
{%- endmacro -%}

{#- Rows and hashes of the newest snapshot by group, from the mart: of the groups that it changed, or of all. -#}
{%- macro counted_rows(dataset) -%}
    {%- set info = datasets()[dataset] -%}
    {%- set last = last_published_version() -%}
    {%- set changed = 'from ' ~ manifest_relation() ~ " where dataset = '" ~ dataset ~ "' and version = " ~ last -%}
select
    '{{ dataset }}' as dataset,
    cast({{ info.instrument }} as String) as instrument_id,
    cast({{ info.timeframe }} as String) as timeframe,
    toStartOfMonth(toDate({{ info.time }})) as month,
    count() as counted,
    sum({{ row_hash(info.mart) }}) as hashed
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

{#- The same of every group of bars: what dq_bar_hours summed over open rows, and the rows that were closed since. -#}
{%- macro counted_bars() -%}
    {%- set last = last_published_version() -%}
select
    'bars' as dataset,
    toString(instrument_id) as instrument_id,
    toString(timeframe) as timeframe,
    toStartOfMonth(toDate(hour)) as month,
    toUInt64(sum(bars) - sum(waiting)) as counted,
    sum(published_hash) as hashed
from {{ ref('dq_bar_hours') }}
group by instrument_id, timeframe, month
having counted > 0
union all
select
    'bars' as dataset,
    toString(instrument_id) as instrument_id,
    toString(timeframe) as timeframe,
    toStartOfMonth(toDate(open_time)) as month,
    count() as counted,
    sum({{ row_hash('bars') }}) as hashed
-- FINAL needs no other copy of a row that was closed since.
from {{ ref('bars') }} final
prewhere {{ changed_in() }} > {{ last }}
where valid_from_version <= {{ last }} and valid_to_version != 4294967295
group by instrument_id, timeframe, month
{%- endmacro -%}
