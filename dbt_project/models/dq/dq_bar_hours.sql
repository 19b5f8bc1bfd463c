{{ config(materialized='table', schema='staging', order_by='(instrument_id, timeframe, hour)') }}
{#- The one pass over bars that their audits share. #}
-- depends_on: {{ ref('dq_scope_days') }}
with open_bars as (
    select
        *,
        {{ broken_rules('bars') }} as broken_rules
    from {{ ref('bars') }} final
    where {{ open_rows() }} and {{ bars_in_scope() }}
),

hours as (
    select
        instrument_id,
        toLowCardinality(any(open_bars.venue)) as venue,
        toLowCardinality(any(open_bars.market)) as market,
        toLowCardinality(any(open_bars.symbol)) as symbol,
        timeframe,
        toStartOfHour(open_time) as hour,
        toUInt32(count()) as bars,
        toUInt8(bitCount(groupBitOr(bitShiftLeft(toUInt64(1), toMinute(open_time))))) as minutes,
        min(open_time) as first_open_time,
        max(open_time) as last_open_time,
        argMin(open_bars.open, open_time) as open,
        max(open_bars.high) as high,
        min(open_bars.low) as low,
        argMax(open_bars.close, open_time) as close,
        sum(open_bars.volume) as volume,
        groupBitOr(broken_rules) as broken,
        toUInt32(countIf(valid_from_version > {{ last_published_version() }})) as waiting
    from open_bars
    group by instrument_id, timeframe, hour
)

select
    *,
    {%- if audits_everything() %}
    true as is_audited,
    {%- else %}
    cast(
        (instrument_id, timeframe, toDate(hour)) in (
            select scope.instrument_id, scope.timeframe, scope.day from {{ ref('dq_scope_days') }} as scope where scope.is_audited
        ) as Bool
    ) as is_audited,
    {%- endif %}
    lagInFrame(close, 1, open) over (
        partition by instrument_id, timeframe order by hour rows between 1 preceding and current row
    ) as previous_close,
    cast(
        greatest(high, previous_close) / least(low, previous_close)
        > 1 + if(timeframe = '1m', {{ threshold('return_warn_1m') }}, {{ threshold('return_warn_1h') }}) as Bool
    ) as is_wide,
    cast(
        max(high) over (partition by symbol, timeframe, hour) / min(low) over (partition by symbol, timeframe, hour)
        > 1 + {{ threshold('venue_deviation_warn') }} as Bool
    ) as is_scattered
from hours
