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
