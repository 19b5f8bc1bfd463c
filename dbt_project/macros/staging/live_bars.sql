{#- Bars from pages of several venues in one pass: WebSocket frames (http_status 101) and REST responses (200),
    distinguished by venue and status. Every query of v_bars_live has to plan this, and one staging model per venue and
    kind would take ten times as long to plan as to read (1.4 s against 0.1 s of CPU). `pages`: SQL of pages with their
    _table. In addition to the contract of bars: `event_time`, the venue's own time of a frame, NULL if it has none.
    `source`: live for a frame, gap for a response to the gap task, otherwise the lane. Only bars that are closed by the
    venue's flag, or by the page's clock, become rows. -#}
{%- macro bars_of_pages(pages) -%}
{%- set kline = "'Tuple(t Int64, o String, h String, l String, c String, v String, q String, n Int64, x Bool)'" -%}
{%- set listed = "'Array(Tuple(String, String, String, String, String, String, String, String, String))'" -%}
{%- set numbered = "'Array(Tuple(Int64, String, String, String, String, String, Int64, String, Int64))'" -%}
{%- set fields = ['start Int64', 'open String', 'high String', 'low String', 'close String', 'volume String',
    'turnover String', 'confirm Bool'] -%}
{%- set short_list = "'Array(Tuple(String, String, String, String, String, String, String))'" -%}
with source as (
    {{ pages }}
),

-- Open time in ms, open, high, low, close, volume, quote volume, trades, the venue's closed flag: 1, 0, or 2 if it has
-- none.
exploded as (
    select *, bar
    from source
    array join
        multiIf(
            venue = 'binance' and http_status = 101,
            arrayMap(
                k -> tuple(toString(k.t), k.o, k.h, k.l, k.c, k.v, k.q, toString(k.n), toUInt8(k.x)),
                [if(
                    JSONHas(payload, 'data'), JSONExtract(payload, 'data', 'k', {{ kline }}),
                    JSONExtract(payload, 'k', {{ kline }})
                )]
            ),
            venue = 'binance',
            arrayMap(
                r -> tuple(toString(r.1), r.2, r.3, r.4, r.5, r.6, r.8, toString(r.9), toUInt8(2)),
                JSONExtract(payload, {{ numbered }})
            ),
            venue = 'okx',
            arrayMap(
                r -> tuple(r.1, r.2, r.3, r.4, r.5, r.6, r.7, '', toUInt8(r.9 = '1')),
                JSONExtract(payload, 'data', {{ listed }})
            ),
            http_status = 101,
            arrayMap(
                r -> tuple(
                    toString(r.start), r.open, r.high, r.low, r.close, r.volume, r.turnover, '', toUInt8(r.confirm)
                ),
                JSONExtract(payload, 'data', 'Array(Tuple({{ fields | join(', ') }}))')
            ),
            arrayMap(
                r -> tuple(r.1, r.2, r.3, r.4, r.5, r.6, r.7, '', toUInt8(2)),
                JSONExtract(payload, 'result', 'list', {{ short_list }})
            )
        ) as bar
),

named as (
    select
        {{ page_columns() | replace('lane as source',
            "multiIf(lane != 'live', toString(lane), http_status = 101, 'live', 'gap') as source") }},
        if(http_status = 101, server_time, null) as event_time,
        timeframe,
        {{ newest_closed_ms() }} as newest_closed_ms,
        bar.9 as flag,
        bar.1 as open_time_text,
        bar.2 as open_text,
        bar.3 as high_text,
        bar.4 as low_text,
        bar.5 as close_text,
        bar.6 as volume_text,
        bar.7 as quote_volume_text,
        bar.8 as trade_count_text,
        toJSONString(bar) as raw_row,
        if(
            venue = 'bybit' and http_status = 200 and JSONExtractString(payload, 'result', 'category') != 'spot',
            'category is not spot', ''
        ) as page_problem
    from exploded
),

{% set is_closed -%}
    flag = 1 or (flag = 2 and {{ has_closed() }})
{%- endset -%}
{{ finish_bars('named', closed=is_closed, also=['event_time']) }}
{%- endmacro -%}

{%- macro live_raws() -%}
    {{ return(['binance__live_spot_klines', 'binance__live_usdm_klines', 'okx__live_spot_candles',
        'bybit__live_spot_klines']) }}
{%- endmacro -%}

{#- Tables with REST bars of the venues that have a live feed. -#}
{%- macro rest_raws_beside_live() -%}
    {{ return(['binance__spot_klines', 'binance__usdm_klines', 'okx__spot_candles', 'bybit__spot_klines']) }}
{%- endmacro -%}

{#- Quotes of a venue: a page is one second, each line of it one frame as sent; request_params has symbol, receive time
    and connection of each line. `quote`: SQL of a tuple (bid, bid size, ask, ask size as text, update id, engine's time
    in ms or 0). -#}
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
