{#- Published rows, followed by what no snapshot shows yet: REST responses that wait for a build, responses to the gap
    task, and WebSocket frames; one row per key. Unpublished rows are limited to the two hours before the newest landed
    minute, by the market's own time. Each part is planned for every reader, so there are as few as possible:
    bars_of_pages. -#}
{%- macro view_bars_live() -%}
{%- set since = "now64(6, 'UTC') - interval 2 hour" %}
{%- set raws = rest_raws_beside_live() + live_raws() %}
{%- set tables = merged_raw(raws) %}
{%- set pages %}
select * from {{ tables }}
where http_status in (101, 200) and fetched_at >= {{ since }} and window_end > horizon
{%- endset %}
{%- for raw in raws %}
-- depends_on: {{ source('raw', raw) }}
{%- endfor %}
with
    {{ newest_version(ref('snapshots')) }} as cutoff,
    (select argMax(snapshot_id, data_version) from {{ ref('snapshots') }}) as newest,
    (
        select ifNull(max(window_end) - interval 2 hour, toDateTime64('2290-01-01 00:00:00', 3, 'UTC'))
        from {{ tables }} where fetched_at >= {{ since }}
    ) as horizon,

unpublished_bars as (
    {{ bars_of_pages(pages) }}
),

-- Precedence: archive and REST, then the gap task, then frames; frames by the venue's time, then by arrival.
provisional as (
    select *
    from unpublished_bars
    where
        problem = '' and open_time >= horizon
        and (instrument_id, timeframe, assumeNotNull(open_time)) not in (
            select instrument_id, timeframe, open_time
            from {{ ref('bars') }}
            where
                open_time >= horizon
                and valid_from_version <= assumeNotNull(cutoff)
                and valid_to_version > assumeNotNull(cutoff)
        )
    order by
        instrument_id, timeframe, open_time, multiIf(source = 'live', 2, source = 'gap', 1, 0),
        event_time desc nulls last,
        ingested_at desc, page_id
    limit 1 by instrument_id, timeframe, open_time
)

select
    snapshot_id,
    data_version,
    instrument_id,
    venue,
    market,
    symbol,
    timeframe,
    open_time,
    close_time,
    open,
    high,
    low,
    close,
    volume,
    quote_volume,
    trade_count,
    source,
    ingested_at,
    false as is_provisional,
    ingested_at as received_at,
    toUnixTimestamp64Milli(ingested_at) - toUnixTimestamp64Milli(close_time) as seen_after_close_ms
from ({{ published_rows('bars', 'assumeNotNull(cutoff)', snapshot_id='assumeNotNull(newest)') }})
union all
select
    toLowCardinality('') as snapshot_id,
    toInt64(0) as data_version,
    instrument_id,
    venue,
    market,
    symbol,
    timeframe,
    assumeNotNull(provisional.open_time) as open_time,
    addMilliseconds(assumeNotNull(provisional.open_time), {{ timeframe_ms() }}) as close_time,
    assumeNotNull(provisional.open) as open,
    assumeNotNull(provisional.high) as high,
    assumeNotNull(provisional.low) as low,
    assumeNotNull(provisional.close) as close,
    assumeNotNull(provisional.volume) as volume,
    quote_volume,
    toInt64(provisional.trade_count) as trade_count,
    source,
    ingested_at,
    true as is_provisional,
    ingested_at as received_at,
    toUnixTimestamp64Milli(ingested_at) - toUnixTimestamp64Milli(close_time) as seen_after_close_ms
from provisional
{%- endmacro -%}
