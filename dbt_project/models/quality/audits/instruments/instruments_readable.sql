{#- Instruments whose newest listing has a value that cannot be read: the instrument is withheld, or the attribute is
    unknown. The others are not held back. #}
select
    'instruments_readable' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    toDateTime64(min(ingested_at), 3, 'UTC') as range_start,
    addMilliseconds(toDateTime64(max(ingested_at), 3, 'UTC'), 1) as range_end,
    count() as `rows`,
    cast(null as Nullable(Float64)) as worst,
    arrayStringConcat(groupUniqArray(5) (reason), '; ') as detail,
    concat(
        'select * from marts.dq_rejected_rows final where valid_to_version = 4294967295 and dataset = ''instruments''',
        ' and instrument_id = ''', instrument_id, ''''
    ) as rows_sql
from ({{ unresolved_rejects() }})
where dataset = 'instruments'
group by instrument_id
