{{
    config(
        materialized='append_log',
        schema='marts',
        order_by=['run', 'audit', 'instrument_id'],
        post_hook="{{ log_errors(this) }}",
    )
}}
with catalog as (
    {{ audit_catalog() }}
),

reported as (
    select * from {{ ref('dq_findings_bars') }}
    union all
    select * from {{ ref('dq_findings_missing') }}
    union all
    select * from {{ ref('dq_findings_others') }}
    union all
    select
        catalog.audit as audit,
        'ok' as severity,
        '' as instrument_id,
        '' as timeframe,
        cast(null as Nullable(DateTime64(3, 'UTC'))) as range_start,
        cast(null as Nullable(DateTime64(3, 'UTC'))) as range_end,
        toUInt64(0) as `rows`,
        cast(null as Nullable(Float64)) as worst,
        '' as detail,
        '' as rows_sql,
        '' as dataset
    from catalog
),

counted as (
    select
        *,
        count() over (partition by audit) as rows_of_audit
    from reported
),

before as (
    select
        audit,
        instrument_id,
        timeframe,
        toDate(range_start) as day,
        min(first_seen) as first_seen
    from {{ this }}
    where run = {{ previous_audit_run() }} and severity != 'ok'
    group by audit, instrument_id, timeframe, day
),

-- One row of severity ok for each audit without findings.
results as (
    select * except (rows_of_audit)
    from counted
    where severity != 'ok' or rows_of_audit = 1
)

select
    toUInt32({{ build_version() }}) as run,
    {{ now_utc() }} as audited_at,
    {{ audits_everything() | lower }} as everything,
    if(results.dataset = '', catalog.dataset, results.dataset) as dataset,
    results.audit as audit,
    -- The declaration decides which audits may block publication.
    if(results.severity = 'error', catalog.severity, results.severity) as severity,
    results.instrument_id as instrument_id,
    results.timeframe as timeframe,
    results.range_start as range_start,
    results.range_end as range_end,
    results.`rows` as `rows`,
    results.worst as worst,
    results.detail as detail,
    coalesce(before.first_seen, {{ now_utc() }}) as first_seen,
    concat('runbooks/audits.md#', results.audit) as runbook,
    results.rows_sql as rows_sql
from results
inner join catalog on results.audit = catalog.audit
left join before
    on
        results.audit = before.audit
        and results.instrument_id = before.instrument_id
        and results.timeframe = before.timeframe
        and ifNull(toDate(results.range_start), toDate(0)) = ifNull(before.day, toDate(0))
