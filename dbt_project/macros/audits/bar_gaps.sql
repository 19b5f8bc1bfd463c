{#- Every missing range of bars as of a data version, with its class. Expected is every bar from the universe's
    history_start to the end of the requested range; each missing range is split where coverage, listing or quarantine
    begins or ends, and each piece gets its class. Complete days are taken from dq_series_days, so that single bars are
    read only for the others. -#}
{%- macro bar_gaps(version) -%}
with series as (
    select
        instrument_id,
        venue,
        market,
        symbol,
        timeframe,
        toDateTime64(history_start, 3, 'UTC') as history_start,
        {{ timeframe_ms() }} as bar_ms
    from {{ ref('universe_series') }}
    where dataset = 'bars'
),

-- Windows that were covered and built into the version.
islands as (
    {{ coverage_islands('bars', 'bars', version) }}
),

-- A file without its last days leaves a gap there: requested, but not proven.
requested as (
    select
        concat(venue, ':', market, ':', symbol) as instrument_id,
        timeframe,
        max(assumeNotNull(coverage.asked_end)) as requested_to
    from {{ source('ops', 'coverage') }} as coverage
    where isNotNull(coverage.asked_end) and {{ is_built_page('bars', 'bars', version) }}
    group by instrument_id, timeframe
),

coverage as (
    select
        instrument_id,
        timeframe,
        groupArray((island_start, island_end)) as covered,
        greatest(max(island_end), any(requested.requested_to)) as covered_to
    from islands
    inner join requested using (instrument_id, timeframe)
    group by instrument_id, timeframe
),

days as (
    select
        instrument_id,
        timeframe,
        day,
        bars,
        bars = 86400000 / {{ timeframe_ms() }} as is_complete
    from {{ series_days_at(version) }}
    where bars > 0
),

-- Ranges without a gap: a complete day, or one bar of an incomplete day.
segments as (
    select
        instrument_id,
        timeframe,
        toDateTime64(day, 3, 'UTC') as segment_start,
        toDateTime64(addDays(day, 1), 3, 'UTC') as segment_end
    from days
    where is_complete
    union all
    select
        instrument_id,
        timeframe,
        open_time as segment_start,
        addMilliseconds(open_time, {{ timeframe_ms() }}) as segment_end
    from {{ ref('bars') }} final
    where
        valid_from_version <= {{ version }} and valid_to_version > {{ version }}
        and toYYYYMM(open_time) in (select toYYYYMM(day) from days where not is_complete)
        and (instrument_id, timeframe, toDate(open_time)) in (
            select instrument_id, timeframe, day from days where not is_complete
        )
),

present_ranges as (
    select
        instrument_id,
        timeframe,
        arraySort(groupArray((segment_start, segment_end))) as present
    from segments
    group by instrument_id, timeframe
),

edges as (
    select
        series.instrument_id as instrument_id,
        series.venue as venue,
        series.market as market,
        series.symbol as symbol,
        series.timeframe as timeframe,
        series.bar_ms as bar_ms,
        coverage.covered as covered,
        -- From the start of the history to the first range, between ranges, and from the last one to the end of what
        -- was requested.
        arrayJoin(arrayFilter(
            edge -> edge.1 < edge.2,
            arrayZip(
                arrayConcat([series.history_start], present_ranges.present.2),
                arrayConcat(present_ranges.present.1, [coverage.covered_to]),
                arrayMap(number -> number = 0, range(length(present_ranges.present) + 1))
            )
        )) as edge
    from series
    inner join coverage on series.instrument_id = coverage.instrument_id and series.timeframe = coverage.timeframe
    left join present_ranges
        on series.instrument_id = present_ranges.instrument_id and series.timeframe = present_ranges.timeframe
),

ranges as (
    select
        * except (edge),
        edge.1 as range_start,
        edge.2 as range_end,
        edge.3 as is_before_first
    from edges
),

states as (
    select
        instrument_id,
        min(listed_at) as listed_at,
        -- An unknown status does not explain a gap.
        groupArrayIf(
            (valid_from, ifNull(valid_to, toDateTime64('2200-01-01', 3, 'UTC')), toString(status)),
            status in ('pending', 'halted', 'delisted')
        ) as idle_states
    from ({{ published_rows('instruments', version) }})
    group by instrument_id
),

withheld as (
    select
        instrument_id,
        timeframe,
        groupArray((range_start, range_end)) as withheld_ranges
    from ({{ quarantines_at(version) }})
    group by instrument_id, timeframe
),

pieces as (
    select
        ranges.instrument_id as instrument_id,
        ranges.timeframe as timeframe,
        ranges.* except (instrument_id, timeframe),
        states.listed_at as listed_at,
        states.idle_states as idle_states,
        withheld.withheld_ranges as withheld_ranges,
        arraySort(arrayDistinct(arrayFilter(
            point -> point >= range_start and point <= range_end,
            arrayConcat(
                [range_start, range_end], covered.1, covered.2,
                if(isNull(listed_at), [range_start], [assumeNotNull(listed_at)]),
                idle_states.1, idle_states.2, withheld_ranges.1, withheld_ranges.2
            )
        ))) as points,
        arrayJoin(arrayZip(arrayPopBack(points), arrayPopFront(points))) as piece
    from ranges
    left join states on ranges.instrument_id = states.instrument_id
    left join withheld on ranges.instrument_id = withheld.instrument_id and ranges.timeframe = withheld.timeframe
)

select
    instrument_id,
    venue,
    market,
    symbol,
    timeframe,
    cast(piece.1 as DateTime64(3, 'UTC')) as gap_start,
    cast(piece.2 as DateTime64(3, 'UTC')) as gap_end,
    toInt64(ceil(dateDiff('millisecond', gap_start, gap_end) / bar_ms)) as missing_bars,
    multiIf(
        arrayExists(span -> span.1 <= gap_start and gap_end <= span.2, withheld_ranges), 'quarantined',
        not arrayExists(window -> window.1 <= gap_start and gap_end <= window.2, covered), 'not_fetched',
        is_before_first and ifNull(gap_start < listed_at, true), 'before_listing',
        arrayExists(state -> state.1 <= gap_start and gap_end <= state.2 and state.3 = 'delisted', idle_states),
        'after_delisting',
        arrayExists(state -> state.1 <= gap_start and gap_end <= state.2, idle_states), 'halted',
        -- If a venue omits bars without trades, only a long gap indicates an outage.
        venue in ({{ sparse_venues() }}) and gap_end <= addMinutes(gap_start, {{ threshold('quiet_gap_minutes') }}),
        'no_trade',
        'venue_outage'
    ) as class
from pieces
settings join_use_nulls = 1
{%- endmacro -%}

{#- The same for a named snapshot. -#}
{%- macro bar_gaps_at() -%}
{%- set version -%}
    assumeNotNull({{ version_of_parameter(ref('snapshots')) }})
{%- endset -%}
select {snapshot_id:String} as snapshot_id, gaps.*
from ({{ bar_gaps(version) }}) as gaps
{%- endmacro -%}
