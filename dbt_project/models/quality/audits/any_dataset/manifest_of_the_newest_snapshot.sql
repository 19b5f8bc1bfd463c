{#- Recomputes rows and hashes of the newest published snapshot, for every group or for the groups that it changed. #}
{%- set last = last_published_version() -%}

with expected as (
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
),

found as (
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
)

select
    'manifest_of_the_newest_snapshot' as audit,
    'error' as severity,
    coalesce(expected.instrument_id, found.instrument_id) as instrument_id,
    coalesce(expected.timeframe, found.timeframe) as timeframe,
    toDateTime64(coalesce(expected.month, found.month), 3, 'UTC') as range_start,
    toDateTime64(addMonths(coalesce(expected.month, found.month), 1), 3, 'UTC') as range_end,
    toUInt64(abs(toInt64(ifNull(expected.row_count, 0)) - toInt64(ifNull(found.row_count, 0)))) as `rows`,
    toFloat64(`rows`) as worst,
    concat(
        coalesce(expected.dataset, found.dataset), ': the manifest has ', toString(ifNull(expected.row_count, 0)),
        ' rows, the marts have ', toString(ifNull(found.row_count, 0)), '; data version {{ last }}'
    ) as detail,
    concat(
        'select * from marts.snapshot_manifest where dataset = ''', coalesce(expected.dataset, found.dataset), ''''
    ) as rows_sql
from expected
full outer join found
    on
        expected.dataset = found.dataset and expected.instrument_id = found.instrument_id
        and expected.timeframe = found.timeframe and expected.month = found.month
where
    ifNull(expected.row_count, 0) != ifNull(found.row_count, 0)
    or ifNull(expected.content_hash, toUInt128(0)) != ifNull(found.content_hash, toUInt128(0))
