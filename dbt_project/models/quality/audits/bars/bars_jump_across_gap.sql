{#- A price that changes beyond the threshold across a gap of more than an hour: within a day from hour to hour, and
    across days from the last bar of a day to the first one of the next day that has bars. #}
with edges as (
    select
        instrument_id,
        timeframe,
        lagInFrame(last_open_time) over (
            partition by instrument_id, timeframe order by day rows between 1 preceding and current row
        ) as gap_from,
        first_open_time as gap_to
    from {{ series_days_at(build_version()) }}
    where bars > 0
),

holes as (
    select * from edges
    where gap_from > toDateTime64('1970-01-02 00:00:00', 3, 'UTC') and dateDiff('hour', gap_from, gap_to) > 1
),

edge_bars as (
    select
        instrument_id,
        timeframe,
        open_time,
        open,
        close
    from {{ ref('bars') }} final
    where
        {{ open_rows() }}
        and (instrument_id, timeframe, open_time) in (
            select holes.instrument_id, holes.timeframe, arrayJoin([holes.gap_from, holes.gap_to]) as edge from holes
        )
),

over_days as (
    select
        holes.instrument_id as instrument_id,
        holes.timeframe as timeframe,
        holes.gap_from as gap_from,
        holes.gap_to as gap_to,
        last_bar.close as close_before,
        first_bar.open as open_after
    from holes
    inner join edge_bars as last_bar
        on
            holes.instrument_id = last_bar.instrument_id
            and holes.timeframe = last_bar.timeframe
            and holes.gap_from = last_bar.open_time
    inner join edge_bars as first_bar
        on
            holes.instrument_id = first_bar.instrument_id
            and holes.timeframe = first_bar.timeframe
            and holes.gap_to = first_bar.open_time
),

within_days as (
    select
        instrument_id,
        timeframe,
        is_audited,
        lagInFrame(last_open_time) over hours as gap_from,
        first_open_time as gap_to,
        lagInFrame(close) over hours as close_before,
        open as open_after
    from {{ ref('dq_bar_hours') }}
    window hours as (
        partition by instrument_id, timeframe, toDate(hour) order by hour rows between 1 preceding and current row
    )
),

across_gaps as (
    select * from over_days
    union all
    select * except (is_audited)
    from within_days
    where
        is_audited
        and gap_from > toDateTime64('1970-01-02 00:00:00', 3, 'UTC')
        and dateDiff('hour', gap_from, gap_to) > 1
)

select
    'bars_jump_across_gap' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    gap_from as range_start,
    addMilliseconds(gap_to, 1) as range_end,
    toUInt64(2) as `rows`,
    open_after / close_before - 1 as worst,
    concat(
        'from ', toString(close_before), ' to ', toString(open_after), ' across ',
        toString(dateDiff('hour', gap_from, gap_to)), ' h without bars, possibly another asset'
    ) as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
from across_gaps
where
    close_before > 0 and open_after > 0
    and greatest(open_after / close_before, close_before / open_after) > 1 + {{ threshold('gap_jump_warn') }}
