{{
    config(
        materialized='registry',
        order_by=['snapshot_id'],
    )
}}

{#- Publication comes after the marts, which a snapshot's member views read, the comparison of lanes, and the audits. #}
{%- set waits_for = [ref('dq_rejected_rows'), ref('dq_lane_differences'), ref('dq_audit_results')] %}
{%- for dataset in datasets().values() %}
{%- do waits_for.append(ref(dataset.mart)) %}
{%- endfor %}
with groups as (
    select
        dataset,
        argMax(row_count, version) as row_count,
        argMax(content_hash, version) as content_hash
    from {{ ref('snapshot_manifest') }}
    where version <= {{ build_version() }}
    group by dataset, instrument_id, timeframe, month
),

totals as (
    select
        dataset,
        sum(row_count) as row_count,
        lower(hex(sum(content_hash))) as content_hash
    from groups
    group by dataset
    order by dataset
)

select
    '{{ snapshot_id() }}' as snapshot_id,
    toUInt32({{ build_version() }}) as data_version,
    now64(3, 'UTC') as published_at,
    mapFromArrays(groupArray(dataset), groupArray(row_count)) as row_counts,
    mapFromArrays(groupArray(dataset), groupArray(content_hash)) as content_hashes,
    '{{ sql_text(run_var("code_revision") or env_var("MDW_CODE_REVISION", "")) }}' as code_revision,
    '{{ sql_text(run_var("snapshot_note")) }}' as note,
    toUInt16({{ rules() }}) as rules,
    '{{ hash_function() }}' as row_hash,
    {{ hashed_columns_sql() }} as hashed_columns
from totals
