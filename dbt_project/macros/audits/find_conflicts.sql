{#- Whether any build set conflicting rows aside. -#}
{%- macro has_conflicts() -%}
    {%- if not execute -%}{{ return(false) }}{%- endif -%}
    {{ return(run_query('select 1 from ' ~ ref('dq_conflicting_rows') ~ ' limit 1').rows | length > 0) }}
{%- endmacro -%}

{#- Condition on rows of a staging model with a series: they were not set aside as conflicting. -#}
{%- macro not_in_conflict(dataset, time) -%}
    (toString(instrument_id), {{ 'toString(timeframe)' if dataset == 'bars' else "''" }}, {{ time }}, toString(source), ingested_at) not in (
        select toString(c.instrument_id), toString(c.timeframe), c.event_time, toString(c.source), c.ingested_at
        from {{ ref('dq_conflicting_rows') }} as c
        where c.dataset = '{{ dataset }}'
    )
{%- endmacro -%}

{#- Conflicts that no later fetch has settled, each with whether people withheld its rows. A conflict is settled once a page
    that was fetched later, answers for the same moment and is in the mart brought a row of its key; a listing that does so
    settles the state of every instrument. A conflict in the later page is a conflict of its own. -#}
{%- macro unsettled_conflicts() -%}
with conflicts as (
    select
        toString(dataset) as dataset,
        toString(instrument_id) as instrument_id,
        toString(timeframe) as timeframe,
        event_time,
        toString(source) as source,
        ingested_at,
        max(conflicting.rows) as rows,
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
    where done = 1 and mart in ({%- for info in datasets().values() %}'{{ info.mart }}'{{ ', ' if not loop.last }}{% endfor -%})
),

-- Keys of conflicts that the marts hold a row of.
held as (
    {%- for dataset, info in datasets().items() if dataset != 'instruments' %}
    {%- set key = '(toString(' ~ info.instrument ~ '), toString(' ~ info.timeframe ~ '), toDateTime64(' ~ info.time ~ ", 3, 'UTC'))" %}
    select distinct '{{ dataset }}' as dataset, {{ key }} as row_key
    from {{ ref(info.mart) }} final
    where
        {{ open_rows() }}
        and {{ info.time }} in (select {{ 'toDate(event_time)' if info.time == 'date' else 'event_time' }} from conflicts where dataset = '{{ dataset }}')
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
        (bad.instrument_id = conflicts.instrument_id or (bad.symbol = '' and startsWith(conflicts.instrument_id, concat(bad.venue, ':'))))
        and newer.fetched_at > conflicts.ingested_at
        and newer.page_id in (select built.page_id from built)
        and (conflicts.dataset in ('instruments', 'fear_greed') or (newer.window_start <= event_time and newer.window_last >= event_time))
        and (
            conflicts.dataset = 'instruments'
            or (conflicts.dataset, (conflicts.instrument_id, conflicts.timeframe, conflicts.event_time)) in (
                select held.dataset, held.row_key from held
            )
        )
),

withheld as (
    select distinct
        conflicts.* except (rows, difference)
    from conflicts
    inner join ({{ standing_quarantines(build_version()) }}) as quarantine
        on conflicts.dataset = quarantine.dataset and conflicts.instrument_id = quarantine.instrument_id
    where
        quarantine.timeframe in ('', conflicts.timeframe)
        and conflicts.event_time >= quarantine.range_start and conflicts.event_time < quarantine.range_end
        and (quarantine.action = 'without' or conflicts.ingested_at <= quarantine.recorded_at)
)

select
    *,
    (dataset, instrument_id, timeframe, event_time, source, ingested_at) in (select * from withheld) as is_withheld
from conflicts
where (dataset, instrument_id, timeframe, event_time, source, ingested_at) not in (select * from settled)
{%- endmacro -%}
