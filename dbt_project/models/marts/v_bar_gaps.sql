{#- Missing bars of the newest snapshot. Expected is every bar from the universe's history_start to the end of what was
    asked for; each missing range is cut where coverage and listing begin or end, and each piece gets its class. #}
with newest as (
    select max(data_version) as data_version from {{ ref('snapshots') }}
),

series as (
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

-- What had been asked for and was built into the snapshot.
pages as (
    select
        concat(venue, ':', market, ':', symbol) as instrument_id,
        timeframe,
        assumeNotNull(window_start) as window_start,
        assumeNotNull(window_end) as window_end
    from {{ source('ops', 'coverage') }}
    where
        dataset = 'bars'
        and isNotNull(window_start)
        and isNotNull(window_end)
        and page_id in (
            select built.page_id from {{ source('ops', 'build_pages') }} as built
            where built.mart = 'bars' and built.done = 1 and built.version <= (select newest.data_version from newest)
        )
),

windows as (
    select
        *,
        window_start > max(window_end) over (
            partition by instrument_id, timeframe order by window_start, window_end
            rows between unbounded preceding and 1 preceding
        ) as begins_island
    from pages
),

numbered as (
    select
        *,
        sum(begins_island) over (partition by instrument_id, timeframe order by window_start, window_end) as island
    from windows
),

islands as (
    select
        instrument_id,
        timeframe,
        min(window_start) as island_start,
        max(window_end) as island_end
    from numbered
    group by instrument_id, timeframe, island
),

coverage as (
    select
        instrument_id,
        timeframe,
        groupArray((island_start, island_end)) as covered,
        max(island_end) as covered_to
    from islands
    group by instrument_id, timeframe
),

bars as (
    select
        instrument_id,
        timeframe,
        open_time,
        lagInFrame(open_time) over (
            partition by instrument_id, timeframe order by open_time rows between 1 preceding and current row
        ) as previous_open_time
    from {{ ref('v_bars_latest') }}
),

ends as (
    select
        instrument_id,
        timeframe,
        min(open_time) as first_open_time,
        max(open_time) as last_open_time
    from bars
    group by instrument_id, timeframe
),

wanted as (
    select
        series.instrument_id as instrument_id,
        series.venue as venue,
        series.market as market,
        series.symbol as symbol,
        series.timeframe as timeframe,
        series.history_start as history_start,
        series.bar_ms as bar_ms,
        coverage.covered as covered,
        coverage.covered_to as covered_to,
        ends.first_open_time as first_open_time,
        addMilliseconds(ends.last_open_time, series.bar_ms) as last_close_time
    from series
    inner join coverage on series.instrument_id = coverage.instrument_id and series.timeframe = coverage.timeframe
    left join ends on series.instrument_id = ends.instrument_id and series.timeframe = ends.timeframe
),

ranges as (
    select
        wanted.* except (first_open_time, last_close_time),
        history_start as range_start,
        coalesce(first_open_time, covered_to) as range_end,
        true as is_before_first
    from wanted
    union all
    select
        wanted.* except (first_open_time, last_close_time),
        assumeNotNull(last_close_time) as range_start,
        covered_to as range_end,
        false as is_before_first
    from wanted
    where isNotNull(last_close_time)
    union all
    select
        wanted.* except (first_open_time, last_close_time),
        addMilliseconds(bars.previous_open_time, wanted.bar_ms) as range_start,
        bars.open_time as range_end,
        false as is_before_first
    from bars
    inner join wanted on bars.instrument_id = wanted.instrument_id and bars.timeframe = wanted.timeframe
    where
        toUnixTimestamp64Milli(bars.previous_open_time) > 0
        and bars.open_time > addMilliseconds(bars.previous_open_time, wanted.bar_ms)
),

states as (
    select
        instrument_id,
        min(listed_at) as listed_at,
        groupArrayIf((valid_from, ifNull(valid_to, toDateTime64('2200-01-01', 3, 'UTC')), toString(status)), status != 'trading')
            as idle_states
    from {{ ref('v_instruments_latest') }}
    group by instrument_id
),

pieces as (
    select
        ranges.instrument_id as instrument_id,
        ranges.* except (instrument_id),
        states.listed_at as listed_at,
        states.idle_states as idle_states,
        arraySort(arrayDistinct(arrayFilter(
            point -> point >= range_start and point <= range_end,
            arrayConcat(
                [range_start, range_end], covered.1, covered.2, if(isNull(listed_at), [range_start], [assumeNotNull(listed_at)]),
                idle_states.1, idle_states.2
            )
        ))) as points,
        arrayJoin(arrayZip(arrayPopBack(points), arrayPopFront(points))) as piece
    from ranges
    left join states on ranges.instrument_id = states.instrument_id
    where range_start < range_end
)

select
    instrument_id,
    venue,
    market,
    symbol,
    timeframe,
    cast(piece.1 as DateTime64(3, 'UTC')) as gap_start,
    cast(piece.2 as DateTime64(3, 'UTC')) as gap_end,
    toUInt64(ceil(dateDiff('millisecond', gap_start, gap_end) / bar_ms)) as missing_bars,
    multiIf(
        not arrayExists(window -> window.1 <= gap_start and gap_end <= window.2, covered), 'not_fetched',
        is_before_first and ifNull(gap_start < listed_at, true), 'before_listing',
        arrayExists(state -> state.1 <= gap_start and gap_end <= state.2 and state.3 = 'delisted', idle_states),
        'after_delisting',
        arrayExists(state -> state.1 <= gap_start and gap_end <= state.2, idle_states), 'halted',
        'venue_outage'
    ) as class
from pieces
