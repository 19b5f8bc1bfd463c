{{
    config(
        materialized='append_log',
        schema='marts',
        order_by=['instrument_id', 'timeframe', 'day', 'version'],
    )
}}

{% set days_in_scope = audited_days() %}
with days as (
    select
        instrument_id,
        timeframe,
        toDate(hour) as day,
        toUInt32(sum(bars)) as bars,
        min(first_open_time) as first_open_time,
        max(last_open_time) as last_open_time,
        toUInt32(sum(unpublished_rows)) as changed_rows
    from {{ ref('dq_bar_hours') }}
    where is_audited
    group by instrument_id, timeframe, day
),

before as (
    select
        instrument_id,
        timeframe,
        day,
        argMax(tuple(bars, first_open_time, last_open_time), version) as state
    from {{ this }}
    where
        version < {{ build_version() }}
        {%- if not audits_everything() %}
        and (instrument_id, timeframe, day) in ({{ days_in_scope }})
        {%- endif %}
    group by instrument_id, timeframe, day
),

-- Days that lost all their rows keep a row that records it.
emptied as (
    select
        instrument_id,
        timeframe,
        day,
        toUInt32(0) as bars,
        toDateTime64(day, 3, 'UTC') as first_open_time,
        toDateTime64(day, 3, 'UTC') as last_open_time,
        toUInt32(0) as changed_rows
    from before
    where
        before.state.1 > 0
        and (instrument_id, timeframe, day) not in (select days.instrument_id, days.timeframe, days.day from days)
),

either as (
    select * from days
    union all
    select * from emptied
)

select
    toUInt32({{ build_version() }}) as version,
    {{ now_utc() }} as changed_at,
    either.instrument_id as instrument_id,
    either.timeframe as timeframe,
    either.day as day,
    either.bars as bars,
    either.first_open_time as first_open_time,
    either.last_open_time as last_open_time,
    either.changed_rows as changed_rows
from either
left join before
    on either.instrument_id = before.instrument_id and either.timeframe = before.timeframe and either.day = before.day
where
    either.changed_rows > 0
    or ifNull(tuple(either.bars, either.first_open_time, either.last_open_time) != before.state, true)
