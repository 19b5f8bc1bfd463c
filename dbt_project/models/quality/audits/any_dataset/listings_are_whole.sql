{#- Listings whose newest response is incomplete (dlt_pipelines/planning/listings.py): what it omits does not count as
    delisted. #}
select
    'listings_are_whole' as audit,
    dataset,
    'warn' as severity,
    '' as instrument_id,
    '' as timeframe,
    toDateTime64(answered_at, 3, 'UTC') as range_start,
    addMilliseconds(toDateTime64(answered_at, 3, 'UTC'), 1) as range_end,
    records as `rows`,
    toFloat64(records) as worst,
    concat(
        dataset, ' ', venue, if(market = '', '', ' '), market, ': ', toString(records), ' records, of ',
        toString(most_records), ' in an earlier response'
    ) as detail,
    concat(
        'select fetched_at, row_count, proof from ops.coverage where dataset = ''', dataset, ''' and venue = ''', venue,
        ''' order by fetched_at desc limit 10'
    ) as rows_sql
from (
    select
        dataset,
        venue,
        market,
        argMax(answers.records, fetched_at) as records,
        argMax(answers.is_whole, fetched_at) as is_whole,
        max(answers.records) as most_records,
        max(fetched_at) as answered_at
    from (
        select
            dataset,
            venue,
            market,
            fetched_at,
            sum(row_count) as records,
            countIf(proof != 'part') > 0 as is_whole
        from (
            select distinct page_id, dataset, venue, market, fetched_at, row_count, proof
            from {{ source('ops', 'coverage') }}
            where dataset in ('instruments', 'fear_greed')
        )
        group by dataset, venue, market, fetched_at
    ) as answers
    group by dataset, venue, market
)
where not is_whole
