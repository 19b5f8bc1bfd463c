{{ config(materialized='work_table', schema='staging', order_by=['instrument_id', 'timeframe', 'hour']) }}
{#- The single pass over bars that their audits share. #}
with open_bars as (
    select
        *,
        {{ violated_rules('bars') }} as violated_rules,
        {{
            published_row_hash('bars') if audits_everything() and last_published_version() else 'toUInt128(0)'
        }} as row_hash
    from {{ ref('bars') }} final
    where {{ open_rows() }} and {{ bars_in_scope() }}
)

select
    instrument_id,
    timeframe,
    toStartOfHour(open_time) as hour,
    toLowCardinality(any(open_bars.symbol)) as symbol,
    toUInt32(count()) as bars,
    toUInt8(bitCount(groupBitOr(bitShiftLeft(toUInt64(1), toMinute(open_time))))) as minutes,
    min(open_time) as first_open_time,
    max(open_time) as last_open_time,
    argMin(open_bars.open, open_time) as open,
    max(open_bars.high) as high,
    min(open_bars.low) as low,
    argMax(open_bars.close, open_time) as close,
    sum(open_bars.volume) as volume,
    groupBitOr(violated_rules) as broken,
    toUInt32(countIf(valid_from_version > {{ last_published_version() }})) as unpublished_rows,
    sum(row_hash) as content_hash,
    {{ in_audited_day('hour') }} as is_audited
from open_bars
group by instrument_id, timeframe, hour
