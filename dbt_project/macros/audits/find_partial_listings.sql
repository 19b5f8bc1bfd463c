{#- Listings whose newest answer is not complete (dlt_pipelines/planning/listings.py): what it leaves out does not count as gone. -#}
{%- macro find_partial_listings() -%}
select
    'listings_are_whole' as audit,
    dataset,
    'warn' as severity,
    '' as instrument_id,
    '' as timeframe,
    toDateTime64(answered_at, 3, 'UTC') as range_start,
    addMilliseconds(toDateTime64(answered_at, 3, 'UTC'), 1) as range_end,
    records as rows,
    toFloat64(records) as worst,
    concat(
        dataset, ' ', venue, if(market = '', '', ' '), market, ': ', toString(records), ' records, of ', toString(most_records), ' in an answer before'
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
{%- endmacro -%}

{#- Condition on staging rows of instruments: the page belongs to an answer that is complete and that this build took up as
    a whole. -#}
{%- macro of_a_whole_listing() -%}
    page_id in (
        select arrayJoin(pages.page_ids)
        from (
            select
                groupUniqArray(page_id) as page_ids,
                countIf(proof != 'part') > 0 as is_whole,
                countIf(page_id not in (
                    select page_id from ops.build_pages where mart = 'instruments' and done = 0 and version = {{ build_version() }}
                )) as pages_elsewhere
            from ops.coverage
            where dataset = 'instruments'
            group by venue, market, fetched_at
            having is_whole and pages_elsewhere = 0
        ) as pages
    )
{%- endmacro -%}
