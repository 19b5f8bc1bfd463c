{#- Rejected rows that nothing newer answers for. A row blocks until the same moment of its series was fetched again:
    the newer page either brings a good row, or is rejected and stands here itself; or until it is quarantined. -#}
{%- macro unresolved_rejects() -%}
with rejected as (
    select * from {{ ref('dq_rejected_rows') }} final where {{ open_rows() }}
),

pages as (
    select
        page_id, dataset, venue, market, symbol, timeframe, fetched_at,
        window_start,
        subtractMilliseconds(window_end, 1) as window_last
    from {{ source('ops', 'coverage') }}
    where dataset in (select rejected.dataset from rejected)
),

resolved as (
    select distinct
        rejected.page_id as page_id,
        rejected.raw_row as raw_row
    from rejected
    inner join pages as bad on rejected.page_id = bad.page_id
    inner join pages as newer
        on
            bad.dataset = newer.dataset
            and bad.venue = newer.venue
            and bad.market = newer.market
            and bad.symbol = newer.symbol
            and bad.timeframe = newer.timeframe
    where
        newer.fetched_at > rejected.ingested_at
        -- A page that claims no window, such as one of a live feed, resolves nothing.
        and (isNotNull(newer.window_start) or rejected.dataset in ('instruments', 'fear_greed'))
        and ifNull(newer.window_start <= coalesce(rejected.event_time, bad.window_start), true)
        and ifNull(newer.window_last >= coalesce(rejected.event_time, bad.window_last), true)
),

withheld as (
    select
        rejected.page_id as page_id,
        rejected.raw_row as raw_row
    from rejected
    inner join ({{ standing_quarantines(build_version()) }}) as quarantine
        on rejected.dataset = quarantine.dataset and rejected.instrument_id = quarantine.instrument_id
    where
        quarantine.timeframe in ('', rejected.timeframe)
        and ifNull(rejected.event_time >= quarantine.range_start and rejected.event_time < quarantine.range_end, true)
        and (quarantine.action = 'without' or rejected.ingested_at <= quarantine.recorded_at)
)

select * from rejected
where
    (page_id, raw_row) not in (select resolved.page_id, resolved.raw_row from resolved)
    and (page_id, raw_row) not in (select withheld.page_id, withheld.raw_row from withheld)
{%- endmacro -%}

{#- Bars and payments of which an optional value (quote_volume, trade_count, mark_price) could not be read. The row is published
    with NULL there, and its day is degraded. -#}
{%- macro find_unreadable_values() -%}
select
    concat(dataset, '_readable') as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), 1) as range_end,
    count() as rows,
    cast(null as Nullable(Float64)) as worst,
    concat(toString(count()), ' rows, such as: ', any(reason)) as detail,
    concat(
        'select * from marts.dq_rejected_rows final where valid_to_version = 4294967295 and is_kept and dataset = ''', dataset,
        ''' and instrument_id = ''', instrument_id, ''' and timeframe = ''', timeframe, ''''
    ) as rows_sql
from ({{ unresolved_rejects() }})
where dataset in ('bars', 'funding') and is_kept
group by dataset, instrument_id, timeframe, toDate(event_time)
{%- endmacro -%}

{#- Moments that REST and the archive tell differently (dq_lane_differences), where the project has that model. -#}
{%- macro find_lane_differences() -%}
select
    concat(dataset, '_archive_against_rest') as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), 1) as range_end,
    count() as rows,
    cast(null as Nullable(Float64)) as worst,
    concat(toString(count()), ' moments, such as: ', any(difference)) as detail,
    concat(
        'select * from marts.dq_lane_differences final where valid_to_version = 4294967295 and difference != \'\' and dataset = \'',
        dataset, '\' and instrument_id = \'', instrument_id, '\' and timeframe = \'', timeframe, '\''
    ) as rows_sql
from {{ generate_schema_name('marts', none) | trim }}.dq_lane_differences final
where {{ open_rows() }} and difference != ''
group by dataset, instrument_id, timeframe, toDate(event_time)
{%- endmacro -%}

{%- macro has_lane_differences() -%}
    {%- if not execute -%}{{ return(false) }}{%- endif -%}
    {%- set marts = generate_schema_name('marts', none) | trim -%}
    {{ return(run_query('exists table ' ~ marts ~ '.dq_lane_differences').rows[0][0] | int == 1) }}
{%- endmacro -%}

{#- Bars that a socket called closed and that REST or the archive tells otherwise, where they are more than a share of a market's
    bars of the last day. No published row comes from a socket, so this never blocks. -#}
{%- macro find_live_differences() -%}
select
    'bars_live_against_rest' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), 1) as range_end,
    count() as rows,
    any(market_share) as worst,
    concat(
        toString(count()), ' bars differ, such as: ', any(difference), '; ', toString(round(100 * any(market_share), 3)),
        ' % of the bars of its market did within a day'
    ) as detail,
    concat('select * from marts.dq_live_differences where difference != \'\' and instrument_id = \'', instrument_id, '\'') as rows_sql
from (
    select
        *,
        avg(difference != '') over (
            partition by arraySlice(splitByChar(':', toString(instrument_id)), 1, 2)
        ) as market_share
    from {{ ref('dq_live_differences') }}
)
where difference != '' and market_share > {{ threshold('live_differences_share') }}
group by instrument_id, timeframe
{%- endmacro -%}
