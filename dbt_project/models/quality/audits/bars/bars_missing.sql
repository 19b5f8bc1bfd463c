{#- Missing bars by class. Only gaps that we can repair or that are the venue's fault are warnings; the others are
    explained. Bars that a venue omits because nothing was traded are not reported at all: there may be one every other
    minute. #}
select
    'bars_missing' as audit,
    if(class in ('not_fetched', 'venue_outage'), 'warn', 'info') as severity,
    instrument_id,
    timeframe,
    gap_start as range_start,
    gap_end as range_end,
    missing_bars as `rows`,
    toFloat64(missing_bars) as worst,
    class as detail,
    concat(
        'select * from marts.v_bar_gaps where instrument_id = ''', instrument_id, ''' and timeframe = ''', timeframe,
        ''' and gap_start >= ''', toString(range_start), ''' and gap_start < ''', toString(range_end), ''''
    ) as rows_sql
from ({{ bar_gaps(build_version()) }})
where class != 'no_trade'
