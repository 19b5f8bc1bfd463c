select
    'bars_series_of_the_universe' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    min(hour) as range_start,
    addHours(max(hour), 1) as range_end,
    sum(bars) as `rows`,
    cast(null as Nullable(Float64)) as worst,
    'this series is not in the universe' as detail,
    {{ finding_rows_sql('bars') }} as rows_sql
from {{ ref('dq_bar_hours') }}
where
    is_audited
    and (instrument_id, timeframe) not in (select instrument_id, timeframe from {{ ref('universe_series') }})
group by instrument_id, timeframe
