{#- Published rows, REST answers that no build has published, and the live lane: one row a key. The last two are bounded to the
    two hours before the newest minute that has landed, by the market's own time; older rows are those of the snapshot. -#}
{%- set since = "now64(6, 'UTC') - interval 2 hour" %}
{%- set key = 'instrument_id, timeframe, open_time' %}
{%- set values = 'cityHash64(tuple(open, high, low, close, volume, quote_volume, trade_count))' %}
{%- set provisional = ['instrument_id', 'venue', 'market', 'symbol', 'timeframe'] %}
{%- set rest = rest_bar_leaves() %}
with
    (select max(data_version) from {{ ref('snapshots') }}) as cutoff,
    (select argMax(snapshot_id, data_version) from {{ ref('snapshots') }}) as newest,
    (
        select ifNull(max(reached) - interval 2 hour, toDateTime64('2290-01-01 00:00:00', 3, 'UTC'))
        from ({{ newest_landed(since) }})
    ) as horizon,

published as (
    select
        *,
        0 as lane_rank,
        cast(null as Nullable(DateTime64(3, 'UTC'))) as event_time,
        toUUID('00000000-0000-0000-0000-000000000000') as page_id,
        0 as provisional
    from ({{ published_rows('bars', 'assumeNotNull(cutoff)', snapshot_id='assumeNotNull(newest)') }})
),

-- Answers of REST that wait for a build. What they say as the snapshot does is published already.
waiting as (
    select *
    from (
        {%- for leaf in rest %}
        select {{ staging_columns('bars').keys() | join(', ') }}, cast(null as Nullable(DateTime64(3, 'UTC'))) as event_time
        from {{ ref(leaf.model) }}
        where page_id in (
            select pages.page_id from {{ source('raw', leaf.raw) }} as pages
            where pages.fetched_at >= {{ since }} and pages.window_end > horizon
        )
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
        union all
        {{ union_live(since) }}
    )
    where problem = '' and open_time >= horizon
),

typed as (
    select
        toLowCardinality('') as snapshot_id,
        toInt64(0) as data_version,
        {{ provisional | join(', ') }},
        assumeNotNull(waiting.open_time) as open_time,
        addMilliseconds(assumeNotNull(waiting.open_time), {{ timeframe_ms() }}) as close_time,
        assumeNotNull(waiting.open) as open,
        assumeNotNull(waiting.high) as high,
        assumeNotNull(waiting.low) as low,
        assumeNotNull(waiting.close) as close,
        assumeNotNull(waiting.volume) as volume,
        quote_volume,
        toInt64(waiting.trade_count) as trade_count,
        source,
        ingested_at,
        multiIf(source = 'live', 2, source = 'gap', 1, 0) as lane_rank,
        event_time,
        page_id,
        1 as provisional
    from waiting
),

recent as (
    select *
    from (
        select * from published where open_time >= horizon
        union all
        select * from typed
        where
            lane_rank > 0
            or ({{ key }}, {{ values }}) not in (
                select {{ key }}, {{ values }} from published where open_time >= horizon
            )
    )
    order by {{ key }}, lane_rank, event_time desc nulls last, ingested_at desc, page_id
    limit 1 by {{ key }}
),

every as (
    select * from published where open_time < horizon
    union all
    select * from recent
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
    cast(provisional as Bool) as is_provisional,
    ingested_at as received_at,
    toUnixTimestamp64Milli(ingested_at) - toUnixTimestamp64Milli(close_time) as seen_after_close_ms
from every
