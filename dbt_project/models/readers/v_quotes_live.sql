{#- The last best bid and ask of each second of the last two hours. Texts are parsed like prices of bars. -#}
{%- set since = "now64(6, 'UTC') - interval 2 hour" %}
{%- set binance = "if(JSONHas(text, 'stream'), JSONExtractRaw(text, 'data'), text)" %}
{%- set binance_quote %}
        tuple(
            JSONExtractString({{ binance }}, 'b'), JSONExtractString({{ binance }}, 'B'),
            JSONExtractString({{ binance }}, 'a'), JSONExtractString({{ binance }}, 'A'),
            JSONExtractInt({{ binance }}, 'u'), JSONExtractInt({{ binance }}, 'T')
        )
{%- endset %}
{%- set okx_quote %}
        tuple(
            JSONExtractString(text, 'data', 1, 'bids', 1, 1), JSONExtractString(text, 'data', 1, 'bids', 1, 2),
            JSONExtractString(text, 'data', 1, 'asks', 1, 1), JSONExtractString(text, 'data', 1, 'asks', 1, 2),
            JSONExtractInt(text, 'data', 1, 'seqId'), toInt64OrZero(JSONExtractString(text, 'data', 1, 'ts'))
        )
{%- endset %}
{%- set bybit_quote %}
        tuple(
            JSONExtractString(text, 'data', 'b', 1, 1), JSONExtractString(text, 'data', 'b', 1, 2),
            JSONExtractString(text, 'data', 'a', 1, 1), JSONExtractString(text, 'data', 'a', 1, 2),
            JSONExtractInt(text, 'data', 'u'), JSONExtractInt(text, 'cts')
        )
{%- endset %}
with frames as (
    {{ live_quotes(source('raw', 'binance__live_spot_quotes'), binance_quote, since) }}
    union all
    {{ live_quotes(source('raw', 'binance__live_usdm_quotes'), binance_quote, since) }}
    union all
    {{ live_quotes(source('raw', 'okx__live_spot_quotes'), okx_quote, since) }}
    union all
    {{ live_quotes(source('raw', 'bybit__live_spot_quotes'), bybit_quote, since) }}
)

select
    toLowCardinality(instrument_id) as instrument_id,
    venue,
    market,
    toLowCardinality(symbol) as symbol,
    toDateTime(received_at, 'UTC') as second,
    {{ to_number('quote.1') }} as bid,
    {{ to_number('quote.2') }} as bid_size,
    {{ to_number('quote.3') }} as ask,
    {{ to_number('quote.4') }} as ask_size,
    quote.5 as update_id,
    if(quote.6 = 0, null, fromUnixTimestamp64Milli(quote.6, 'UTC')) as event_time,
    received_at,
    conn
from frames
order by instrument_id asc, second asc, received_at desc
limit 1 by instrument_id, second
