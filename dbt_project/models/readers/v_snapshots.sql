with decided as (
    select
        snapshot_id,
        argMax(event, recorded_at) as newest,
        max(recorded_at) as decided_at,
        argMax(reason, recorded_at) as why
    from {{ source('ops', 'snapshot_events') }}
    where event in ('withdrawn', 'reinstated')
    group by snapshot_id
),

withdrawn as (
    select
        snapshot_id,
        decided_at,
        why
    from decided
    where newest = 'withdrawn'
)

-- Whether an unmatched join column is NULL or a default value depends on the reader's settings: both give the same
-- result.
select
    published.snapshot_id as snapshot_id,
    toInt64(published.data_version) as data_version,
    published.published_at as published_at,
    cast(published.row_counts as Map(String, Int64)) as row_counts,
    published.content_hashes as content_hashes,
    published.code_revision as code_revision,
    published.note as note,
    toInt64(published.rules) as rules,
    nullIf(withdrawn.decided_at, toDateTime64(0, 6, 'UTC')) as withdrawn_at,
    ifNull(withdrawn.why, '') as withdrawn_reason
from {{ ref('snapshots') }} as published
left join withdrawn on published.snapshot_id = withdrawn.snapshot_id
