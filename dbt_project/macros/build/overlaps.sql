{#- Records the pairs of REST and archive pages that cover the same time of a series, at least one of them processed by
    this build for the mart. This is done once: a condition over the coverage in every leaf would cost more than the
    rows. -#}
{%- macro select_overlaps(mart) -%}
    {%- set query -%}
        insert into ops.build_pages (mart, page_id, version, done)
        select distinct
            '{{ mart }}__overlap', arrayJoin([rest.page_id, archive.page_id]) as page_id, {{ build_version() }}, 0
        from ({{ pages_with_window('rest') }}) as rest
        inner join ({{ pages_with_window('archive') }}) as archive
            using (dataset, venue, market, symbol, timeframe)
        where
            rest.window_start < archive.window_end and archive.window_start < rest.window_end
            and ({{ is_selected_page(mart, 'rest.page_id') }} or {{ is_selected_page(mart, 'archive.page_id') }})
    {%- endset -%}
    {%- do run_query(query) -%}
{%- endmacro -%}

{%- macro pages_with_window(lane) -%}
    select
        page_id,
        dataset,
        venue,
        market,
        symbol,
        timeframe,
        lane,
        assumeNotNull(window_start) as window_start,
        assumeNotNull(window_end) as window_end
    from ops.coverage
    where
        dataset in ('bars', 'funding')
        and isNotNull(coverage.window_start) and isNotNull(coverage.window_end)
        and coverage.window_start < coverage.window_end
        and lane = '{{ lane }}'
{%- endmacro -%}
