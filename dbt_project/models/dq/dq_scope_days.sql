{{ config(materialized='table', schema='staging', order_by='(instrument_id, timeframe, day)') }}
{#- Empty where the run looks at everything: then no day needs to be named. #}
with changed as (
    select
        instrument_id,
        timeframe,
        toDate(open_time) as day
    from {{ ref('bars') }}
    where {{ rows_changed_since_publication() }}
    {%- if previous_audit_run() and not audits_everything() %}
    union all
    select
        instrument_id,
        timeframe,
        toDate(assumeNotNull(range_start)) as day
    from ({{ found_before('bars') }})
    where severity in ('warn', 'error') and audit not in ('bars_missing', 'bars_fresh') and isNotNull(range_start)
    {%- endif %}
),

with_context as (
    select
        instrument_id,
        timeframe,
        arrayJoin([(day, true), (subtractDays(day, 1), false)]) as entry
    from changed
)

select
    instrument_id,
    timeframe,
    entry.1 as day,
    max(entry.2) as is_audited
from with_context
group by instrument_id, timeframe, day
