{#- The newest state of every instrument. -#}
{%- macro newest_instruments() -%}
(
    select *
    from {{ ref('instruments') }} final
    where {{ open_rows() }}
    order by instrument_id asc, valid_from desc
    limit 1 by instrument_id
)
{%- endmacro -%}

{#- By instrument: the listing time in the newest state that has one, and whether an earlier state had an earlier time.
    -#}
{%- macro newest_listings() -%}
(
    select
        instrument_id,
        argMax(known.moment, known.valid_from) as listed_at,
        min(known.moment) < subtractHours(listed_at, {{ threshold('identity_gap_hours') }}) as has_moved
    from (
        select instrument_id, valid_from, assumeNotNull(listed_at) as moment
        from {{ ref('instruments') }} final
        where {{ open_rows() }} and isNotNull(listed_at)
    ) as known
    group by instrument_id
)
{%- endmacro -%}

{%- macro before_listing_detail(rows) -%}
    concat(
        '{{ rows }} from before the listing at ', toString(listed_at), ', possibly of another asset: ',
        if(has_moved, 'the venue moved the listing time', 'a gap precedes it')
    )
{%- endmacro -%}

{#- Condition on staging rows of instruments: the page belongs to a complete response, all of which this build
    processes. -#}
{%- macro is_complete_listing() -%}
    page_id in (
        select arrayJoin(pages.page_ids)
        from (
            select
                groupUniqArray(page_id) as page_ids,
                countIf(proof != 'part') > 0 as is_whole,
                countIf(page_id not in (
                    select page_id
                    from ops.build_pages
                    where mart = 'instruments' and done = 0 and version = {{ build_version() }}
                )) as pages_elsewhere
            from ops.coverage
            where dataset = 'instruments'
            group by venue, market, fetched_at
            having is_whole and pages_elsewhere = 0
        ) as pages
    )
{%- endmacro -%}
