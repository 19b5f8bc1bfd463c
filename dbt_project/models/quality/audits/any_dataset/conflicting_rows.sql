{#- Rows with the same key, lane and fetch time but different values. Those withheld by an operator no longer block
    publication: they are a warning, so that the day does not count as available.

    Conflicts that no later fetch has resolved, each with whether its rows are withheld. A conflict is resolved once a
    page that was fetched later, covers the same time and is in the mart has a row for its key; such a listing resolves
    the state of every instrument. A conflict in the later page is a separate conflict. #}
{% if has_conflicts() %}
with conflicts as (
    select
        toString(dataset) as dataset,
        toString(instrument_id) as instrument_id,
        toString(timeframe) as timeframe,
        event_time,
        toString(source) as source,
        ingested_at,
        max(conflicting.`rows`) as `rows`,
        any(conflicting.difference) as difference
    from {{ ref('dq_conflicting_rows') }} as conflicting
    group by dataset, instrument_id, timeframe, event_time, source, ingested_at
),

pages as (
    select
        dataset,
        venue,
        market,
        symbol,
        timeframe,
        lane,
        fetched_at,
        window_start,
        subtractMilliseconds(window_end, 1) as window_last,
        if(symbol = '', '', concat(venue, ':', market, ':', symbol)) as instrument_id,
        page_id
    from {{ source('ops', 'coverage') }}
    where dataset in (select conflicts.dataset from conflicts)
),

built as (
    select page_id
    from {{ source('ops', 'build_pages') }}
    where done = 1 and mart in ('{{ datasets().values() | map(attribute='mart') | join("', '") }}')
),

-- Keys of conflicts for which the marts have a row.
held as (
    {%- for dataset, info in datasets().items() if dataset != 'instruments' %}
    {%- set key -%}
    (toString({{ info.instrument }}), toString({{ info.timeframe }}), toDateTime64({{ info.time }}, 3, 'UTC'))
    {%- endset %}
    select distinct '{{ dataset }}' as dataset, {{ key }} as row_key
    from {{ ref(info.mart) }} final
    where
        {{ open_rows() }}
        and {{ info.time }} in (
            select {{ 'toDate(event_time)' if info.time == 'date' else 'event_time' }}
            from conflicts
            where dataset = '{{ dataset }}'
        )
        and {{ key }} in (select (instrument_id, timeframe, event_time) from conflicts where dataset = '{{ dataset }}')
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

settled as (
    select distinct
        conflicts.dataset as dataset,
        conflicts.instrument_id as instrument_id,
        conflicts.timeframe as timeframe,
        conflicts.event_time as event_time,
        conflicts.source as source,
        conflicts.ingested_at as ingested_at
    from conflicts
    inner join pages as bad
        on
            conflicts.dataset = bad.dataset
            and conflicts.timeframe = bad.timeframe
            and conflicts.source = bad.lane
            and conflicts.ingested_at = bad.fetched_at
    inner join pages as newer
        on
            bad.dataset = newer.dataset
            and bad.venue = newer.venue
            and bad.market = newer.market
            and bad.symbol = newer.symbol
            and bad.timeframe = newer.timeframe
    where
        (
            bad.instrument_id = conflicts.instrument_id
            or (bad.symbol = '' and startsWith(conflicts.instrument_id, concat(bad.venue, ':')))
        )
        and newer.fetched_at > conflicts.ingested_at
        and newer.page_id in (select built.page_id from built)
        and (
            conflicts.dataset in ('instruments', 'fear_greed')
            or (newer.window_start <= event_time and newer.window_last >= event_time)
        )
        and (
            conflicts.dataset = 'instruments'
            or (conflicts.dataset, (conflicts.instrument_id, conflicts.timeframe, conflicts.event_time)) in (
                select held.dataset, held.row_key from held
            )
        )
),

quarantines as (
    {{ active_quarantines(build_version()) }}
),

withheld as (
    select distinct
        conflicts.* except (`rows`, difference)
    from conflicts
    inner join quarantines as quarantine
        on conflicts.dataset = quarantine.dataset and conflicts.instrument_id = quarantine.instrument_id
    where
        quarantine.timeframe in ('', conflicts.timeframe)
        and conflicts.event_time >= quarantine.range_start and conflicts.event_time < quarantine.range_end
        and (quarantine.action = 'without' or conflicts.ingested_at <= quarantine.recorded_at)
),

unsettled as (
    select
        *,
        (dataset, instrument_id, timeframe, event_time, source, ingested_at) in (select * from withheld) as is_withheld
    from conflicts
    where (dataset, instrument_id, timeframe, event_time, source, ingested_at) not in (select * from settled)
)

select
    'conflicting_rows' as audit,
    if(is_withheld, 'warn', 'error') as severity,
    dataset,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), greatest({{ timeframe_ms() }}, 1)) as range_end,
    sum(`rows`) as `rows`,
    cast(null as Nullable(Float64)) as worst,
    concat(
        dataset, ': ', toString(count()), ' keys with conflicting rows',
        if(is_withheld, ', withheld: ', ': '),
        argMin(difference, event_time)
    ) as detail,
    concat(
        'select * from marts.dq_conflicting_rows where dataset = ''', dataset,
        ''' and instrument_id = ''', instrument_id,
        ''' and timeframe = ''', timeframe, ''' and event_time >= ''', toString(range_start), ''' and event_time < ''',
        toString(range_end), ''''
    ) as rows_sql
from unsettled
group by dataset, instrument_id, timeframe, toDate(event_time), is_withheld
{% else %}
{{ no_findings() }}
{% endif %}
