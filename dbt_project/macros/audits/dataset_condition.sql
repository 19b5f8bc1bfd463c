{#- For each series and UTC day: available, degraded, missing or pending, as of a data version and a point in time. -#}
{%- macro dataset_condition(version, moment) -%}
with grid as (
    select
        dataset,
        instrument_id,
        timeframe,
        toDateTime64(history_start, 3, 'UTC') as history_start,
        arrayJoin(arrayMap(
            number -> addDays(toDate(history_start), number),
            range(toUInt64(greatest(dateDiff('day', toDate(history_start), toDate({{ moment }})) + 1, 0)))
        )) as day,
        addMinutes(toDateTime64(addDays(day, 1), 3, 'UTC'), {{ threshold('bars_fresh_minutes') }})
        > {{ moment }} as is_recent,
        if(dataset = 'bars', toUInt32(86400000 / {{ timeframe_ms() }}), toUInt32(1)) as expected_rows
    from (
        select
            toString(dataset) as dataset,
            toString(instrument_id) as instrument_id,
            toString(timeframe) as timeframe,
            history_start
        from {{ ref('universe_series') }}
        union all
        select 'fear_greed' as dataset, '' as instrument_id, '' as timeframe, min(history_start) as history_start
        from {{ ref('universe_series') }}
    )
),

found as (
    select 'bars' as dataset, instrument_id, timeframe, day, bars as found_rows, changed_at
    from {{ series_days_at(version) }}
    union all
    select
        'funding' as dataset,
        instrument_id,
        '' as timeframe,
        toDate(funding_time) as day,
        toUInt32(count()) as found_rows,
        toDateTime64(max(ingested_at), 3, 'UTC') as changed_at
    from {{ ref('funding_rates') }} final
    where valid_from_version <= {{ version }} and valid_to_version > {{ version }}
    group by instrument_id, day
    union all
    select
        'fear_greed' as dataset, '' as instrument_id, '' as timeframe, date as day, toUInt32(1) as found_rows,
        toDateTime64(ingested_at, 3, 'UTC') as changed_at
    from {{ ref('fear_greed') }} final
    where valid_from_version <= {{ version }} and valid_to_version > {{ version }}
),

gap_days as (
    select
        gaps.instrument_id as instrument_id,
        gaps.timeframe as timeframe,
        arrayJoin({{ days_between('gaps.gap_start', 'gaps.gap_end') }}) as day,
        groupUniqArray(gaps.class) as classes,
        sumIf(
            dateDiff(
                'millisecond',
                greatest(gaps.gap_start, toDateTime64(day, 3, 'UTC')),
                least(gaps.gap_end, toDateTime64(addDays(day, 1), 3, 'UTC'))
            ), gaps.class = 'no_trade'
        ) / {{ timeframe_ms('gaps.timeframe') }} as quiet_bars
    from ({{ bar_gaps(version) }}) as gaps
    group by instrument_id, timeframe, day
),

finding_days as (
    select
        results.dataset as dataset,
        results.instrument_id as instrument_id,
        results.timeframe as timeframe,
        arrayJoin({{ days_between('results.range_start', 'results.range_end') }}) as day,
        groupUniqArray(results.audit) as audits
    from {{ ref('dq_audit_results') }} as results
    where
        results.run = {{ version }} and results.severity in ('warn', 'error') and isNotNull(results.range_start)
        and results.dataset in ('bars', 'funding', 'fear_greed')
        and results.audit not in (
            'bars_missing', 'bars_fresh', 'funding_fresh', 'fear_greed_fresh', 'listings_are_whole'
        )
        and results.range_start > toDateTime64('1970-01-02 00:00:00', 3, 'UTC')
    group by dataset, instrument_id, timeframe, day
),

-- Coverage of payments, where a missing payment leaves no row.
proven as (
    select
        instrument_id,
        groupArray((island_start, island_end)) as windows
    from ({{ coverage_islands('funding', 'funding_rates', version) }})
    group by instrument_id
),

grid_with_proof as (
    select
        grid.*,
        -- The newest payments may be late, so the last day is not assessed.
        grid.dataset = 'funding' and proven_from < proven_to and not arrayExists(
            window -> window.1 <= proven_from and window.2 >= proven_to, proven.windows
        ) as is_unproven,
        greatest(toDateTime64(grid.day, 3, 'UTC'), grid.history_start) as proven_from,
        least(toDateTime64(addDays(grid.day, 1), 3, 'UTC'), subtractDays({{ moment }}, 1)) as proven_to
    from grid
    left join proven on grid.instrument_id = proven.instrument_id
)

select
    toLowCardinality(grid.dataset) as dataset,
    toLowCardinality(grid.instrument_id) as instrument_id,
    toLowCardinality(grid.timeframe) as timeframe,
    grid.day as day,
    toLowCardinality(multiIf(
        ifNull(found.found_rows, 0) + ifNull(gap_days.quiet_bars, 0) >= grid.expected_rows,
        if(empty(finding_days.audits) and not grid.is_unproven, 'available', 'degraded'),
        grid.is_recent, 'pending',
        ifNull(found.found_rows, 0) = 0, 'missing',
        'degraded'
    )) as condition,
    toInt64(ifNull(found.found_rows, 0)) as found_rows,
    if(grid.dataset = 'funding', null, toInt64(grid.expected_rows)) as expected_rows,
    arrayStringConcat(
        arraySort(arrayConcat(
            if(
                grid.is_unproven
                or (
                    ifNull(found.found_rows, 0) < grid.expected_rows
                    and empty(gap_days.classes)
                    and not grid.is_recent
                    and grid.dataset = 'bars'
                ),
                ['not_fetched'], gap_days.classes
            ),
            finding_days.audits
        )), ', '
    ) as reason,
    found.changed_at as changed_at
from grid_with_proof as grid
left join found
    on
        grid.dataset = found.dataset
        and grid.instrument_id = found.instrument_id
        and grid.timeframe = found.timeframe
        and grid.day = found.day
left join gap_days
    on
        grid.dataset = 'bars'
        and grid.instrument_id = gap_days.instrument_id
        and grid.timeframe = gap_days.timeframe
        and grid.day = gap_days.day
left join finding_days
    on
        grid.dataset = finding_days.dataset
        and grid.instrument_id = finding_days.instrument_id
        and grid.timeframe = finding_days.timeframe
        and grid.day = finding_days.day
settings join_use_nulls = 1
{%- endmacro -%}

{#- UTC days that a range overlaps, as an array. -#}
{%- macro days_between(range_start, range_end) -%}
    arrayMap(
        number -> addDays(toDate(assumeNotNull({{ range_start }})), number),
        range(toUInt64(greatest(
            dateDiff(
                'day',
                toDate(assumeNotNull({{ range_start }})),
                toDate(subtractMilliseconds(assumeNotNull({{ range_end }}), 1))
            ) + 1,
            1
        )))
    )
{%- endmacro -%}

{#- The same for a named snapshot, as of the build that published it. -#}
{%- macro dataset_condition_at(snapshots, results) -%}
    {%- set version = version_of_parameter(ref(snapshots)) -%}
    {%- set known_version -%}
        assumeNotNull({{ version }})
    {%- endset -%}
    {%- set audited_at -%}
        assumeNotNull((select max(runs.audited_at) from {{ ref(results) }} as runs where runs.run = {{ version }}))
    {%- endset -%}
select {snapshot_id:String} as snapshot_id, days.*
from ({{ dataset_condition(known_version, audited_at) }}) as days
{%- endmacro -%}
