select
    'rejected_rows_are_resolved' as audit,
    'error' as severity,
    dataset,
    instrument_id,
    timeframe,
    min(event_time) as range_start,
    addMilliseconds(max(event_time), 1) as range_end,
    count() as `rows`,
    cast(null as Nullable(Float64)) as worst,
    concat(dataset, ': ', any(reason)) as detail,
    concat(
        'select * from marts.dq_rejected_rows final where valid_to_version = 4294967295 and dataset = ''', dataset,
        ''' and instrument_id = ''', instrument_id, ''''
    ) as rows_sql
from ({{ unresolved_rejects() }})
where dataset != 'instruments' and not ifNull(is_kept, false)
group by dataset, instrument_id, timeframe
