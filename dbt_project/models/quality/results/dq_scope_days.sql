{{ config(materialized='work_table', schema='staging', order_by=['instrument_id', 'timeframe', 'day']) }}
{#- Empty if the run covers everything: then no days need to be listed. #}
with changed as (
    select distinct
        toString(instrument_id) as instrument_id,
        toString(timeframe) as timeframe,
        toDate(open_time) as day
    from {{ ref('bars') }}
    where {{ rows_changed_since_publication() }}
    {%- if previous_audit_run() and not audits_everything() %}
    union all
    select
        instrument_id,
        timeframe,
        toDate(assumeNotNull(range_start)) as day
    from ({{ previous_findings('bars') }})
    where severity in ('warn', 'error') and audit not in ('bars_missing', 'bars_fresh') and isNotNull(range_start)
    {%- endif %}
),

-- The previous day, and the same days of every other series of the symbol.
context as (
    select
        instrument_id,
        timeframe,
        arrayJoin([(day, true), (subtractDays(day, 1), false)]) as entry
    from changed
    union all
    select
        series.instrument_id as instrument_id,
        series.timeframe as timeframe,
        (changed.day, false) as entry
    from changed
    inner join {{ ref('universe_series') }} as series on splitByChar(':', changed.instrument_id)[3] = series.symbol
    where series.dataset = 'bars'
)

select
    toLowCardinality(context.instrument_id) as instrument_id,
    toLowCardinality(context.timeframe) as timeframe,
    context.entry.1 as day,
    max(context.entry.2) as is_audited
from context
group by instrument_id, timeframe, day
