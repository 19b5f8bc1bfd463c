{#- Staging of the live lane: frames of sockets (http_status 101) and answers of the gap task (200) side by side. Beside the
    contract of bars: `event_time`, the venue's own time of a frame, and NULL where it has none. `source` is `live` for a
    frame and `gap` for an answer of the gap task. Only what the venue, or the page's clock, calls closed is a row. -#}
{%- macro live_page_columns() -%}
    {{ page_columns() | replace('lane as source', "if(http_status = 101, 'live', 'gap') as source") }},
    server_time as event_time,
    timeframe,
    {{ newest_closed_ms() }} as newest_closed_ms
{%- endmacro -%}

{%- macro live_pages(pages, status) -%}
    select * from {{ pages }} where http_status = {{ status }}
{%- endmacro -%}

{%- macro binance_live_bars(pages) -%}
with frames as (
    {{ live_pages(pages, 101) }}
),

answers as (
    {{ live_pages(pages, 200) }}
),

-- A frame of a combined stream wraps the event in `data`; x is the closed flag.
framed as (
    select
        *,
        JSONExtract(
            if(JSONHas(payload, 'data'), JSONExtractRaw(payload, 'data', 'k'), JSONExtractRaw(payload, 'k')),
            'Tuple(t Int64, o String, h String, l String, c String, v String, q String, n Int64, x Bool)'
        ) as bar
    from frames
),

answered as (
    select *, bar
    from answers
    array join
        JSONExtract(
            payload, 'Array(Tuple(Int64, String, String, String, String, String, Int64, String, Int64))'
        ) as bar
),

named as (
    select
        {{ live_page_columns() }},
        bar.x as is_closed,
        toString(bar.t) as open_time_text,
        bar.o as open_text,
        bar.h as high_text,
        bar.l as low_text,
        bar.c as close_text,
        bar.v as volume_text,
        bar.q as quote_volume_text,
        toString(bar.n) as trade_count_text,
        payload as raw_row,
        '' as page_problem
    from framed
    union all
    select
        {{ live_page_columns() }},
        true as is_closed,
        toString(bar.1) as open_time_text,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        bar.8 as quote_volume_text,
        toString(bar.9) as trade_count_text,
        toJSONString(bar) as raw_row,
        '' as page_problem
    from answered
),

{{ finish_bars('named', closed="is_closed and (source = 'live' or " ~ had_ended() ~ ")", also=['event_time']) }}
{%- endmacro -%}

{#- A frame and an answer hold the same rows under `data`; confirm decides in both, and nothing else does. -#}
{%- macro okx_live_bars(pages) -%}
with source as (
    select * from {{ pages }} where http_status in (101, 200)
),

exploded as (
    select *, bar
    from source
    array join
        JSONExtract(payload, 'data', 'Array(Tuple({{ (["String"] * 9) | join(", ") }}))') as bar
),

named as (
    select
        {{ live_page_columns() }},
        bar.9 as confirm,
        bar.1 as open_time_text,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        bar.7 as quote_volume_text,
        toJSONString(bar) as raw_row,
        '' as page_problem
    from exploded
),

{{ finish_bars('named', absent=['trade_count'], closed="confirm = '1'", also=['event_time']) }}
{%- endmacro -%}

{%- macro bybit_live_bars(pages) -%}
with frames as (
    {{ live_pages(pages, 101) }}
),

answers as (
    {{ live_pages(pages, 200) }}
),

-- `data` may hold more than one bar, each with its own flag.
framed as (
    select *, bar
    from frames
    array join
        JSONExtract(
            payload, 'data',
            'Array(Tuple(start Int64, open String, high String, low String, close String, volume String, turnover String, confirm Bool))'
        ) as bar
),

answered as (
    select *, JSONExtractString(payload, 'result', 'category') as category, bar
    from answers
    array join
        JSONExtract(payload, 'result', 'list', 'Array(Tuple({{ (["String"] * 7) | join(", ") }}))') as bar
),

named as (
    select
        {{ live_page_columns() }},
        bar.confirm as is_closed,
        toString(bar.start) as open_time_text,
        bar.open as open_text,
        bar.high as high_text,
        bar.low as low_text,
        bar.close as close_text,
        bar.volume as volume_text,
        bar.turnover as quote_volume_text,
        toJSONString(bar) as raw_row,
        '' as page_problem
    from framed
    union all
    select
        {{ live_page_columns() }},
        true as is_closed,
        bar.1 as open_time_text,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        bar.7 as quote_volume_text,
        toJSONString(bar) as raw_row,
        if(category = 'spot', '', concat('category is ', category, ', not spot')) as page_problem
    from answered
),

{{ finish_bars(
    'named', absent=['trade_count'], closed="is_closed and (source = 'live' or " ~ had_ended() ~ ")", also=['event_time']
) }}
{%- endmacro -%}

{#- Staging models of the live lane. They are no leaves of `bars`: no build takes their rows up. -#}
{%- macro live_leaves() -%}
    {{ return(['stg_binance__spot_bars_live', 'stg_binance__perp_bars_live', 'stg_okx__spot_bars_live', 'stg_bybit__spot_bars_live']) }}
{%- endmacro -%}

{#- Rows of every live leaf whose page arrived since a moment. -#}
{%- macro union_live(since) -%}
    {%- for leaf in live_leaves() %}
    select {{ staging_columns('bars').keys() | join(', ') }}, event_time
    from {{ ref(leaf) }}
    where ingested_at >= {{ since }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro -%}

{#- Leaves of bars that REST fills, each with its raw table. -#}
{%- macro rest_bar_leaves() -%}
    {%- set found = [] -%}
    {%- for leaf in staging_leaves('bars') if '__archive_' not in leaf.raw -%}{%- do found.append(leaf) -%}{%- endfor -%}
    {{ return(found) }}
{%- endmacro -%}

{#- The newest end of a bar that arrived since a moment, by REST or live; a row a table. -#}
{%- macro newest_landed(since) -%}
    {%- set raws = rest_bar_leaves() | map(attribute='raw') | list + live_raws() -%}
    {%- for raw in raws %}
        select max(window_end) as reached from {{ source('raw', raw) }} where fetched_at >= {{ since }}
    {%- if not loop.last %}
        union all
    {%- endif %}
    {%- endfor %}
{%- endmacro -%}

{%- macro live_raws() -%}
    {{ return(['binance__live_spot_klines', 'binance__live_usdm_klines', 'okx__live_spot_candles', 'bybit__live_spot_klines']) }}
{%- endmacro -%}

{#- Quotes of a venue: a page is a second, a line of it a frame as sent; request_params names symbol, receive time and connection
    of each line. `quote`: SQL of a tuple (bid, bid size, ask, ask size as text, update id, engine's time in ms or 0). -#}
{%- macro live_quotes(pages, quote, since) -%}
    select
        concat(venue, ':', market, ':', frame.1) as instrument_id,
        venue,
        market,
        frame.1 as symbol,
        {{ quote }} as quote,
        toDateTime64(fromUnixTimestamp64Micro(frame.2, 'UTC'), 6, 'UTC') as received_at,
        frame.3 as conn
    from {{ pages }}
    array join
        splitByChar('\n', payload) as text,
        JSONExtract(request_params, 'frames', 'Array(Tuple(String, Int64, String))') as frame
    where fetched_at >= {{ since }}
{%- endmacro -%}
