{{
    config(
        materialized='append_log',
        order_by=['dataset', 'instrument_id', 'timeframe', 'month', 'version'],
        pre_hook="{{ delete_unpublished_manifest() }}",
    )
}}

with changed as (
    {%- for dataset in datasets() %}
    {{ manifest_delta(dataset, is_whole=not hashes_as_published(dataset)) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

before as (
    select
        dataset,
        instrument_id,
        timeframe,
        month,
        argMax(row_count, version) as row_count,
        argMax(content_hash, version) as content_hash
    from {{ this }}
    where
        version <= {{ last_published_version() }}
        {%- for dataset in datasets() if not hashes_as_published(dataset) %}
        -- Hashed differently from the next snapshot: its groups start over.
        and dataset != '{{ dataset }}'
        {%- endfor %}
    group by dataset, instrument_id, timeframe, month
)

select
    toUInt32({{ build_version() }}) as version,
    changed.dataset as dataset,
    changed.instrument_id as instrument_id,
    changed.timeframe as timeframe,
    changed.month as month,
    toUInt64(coalesce(before.row_count, 0) + changed.row_delta) as row_count,
    toUInt128(coalesce(before.content_hash, 0) + changed.added_hash - changed.removed_hash) as content_hash
from changed
left join before using (dataset, instrument_id, timeframe, month)
