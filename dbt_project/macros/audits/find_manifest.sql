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
    having row_count > 0
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

{#- The same of every group of bars: the open rows, which dq_bar_hours summed up, less what changed since the publication. -#}
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
