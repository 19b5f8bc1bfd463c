{#- Records the pairs of REST and archive pages that cover the same time of a series, at least one of them processed by
    this build for the mart. This is done once: a condition over the coverage in every leaf would cost more than the
    rows. -#}
{%- macro take_up_overlaps(mart) -%}
    {%- set version = build_version() -%}
    {%- set columns = 'dataset, venue, market, symbol, timeframe' -%}
    {%- set pages -%}
        select
            page_id, {{ columns }}, lane,
            assumeNotNull(window_start) as window_start, assumeNotNull(window_end) as window_end
        from ops.coverage
        where
            dataset in ('bars', 'funding')
            and isNotNull(coverage.window_start) and isNotNull(coverage.window_end)
            and coverage.window_start < coverage.window_end
    {%- endset -%}
    {%- set fresh -%}
        select page_id from ops.build_pages where mart = '{{ mart }}' and done = 0 and version = {{ version }}
    {%- endset -%}
    {%- do run_query(
        "insert into ops.build_pages (mart, page_id, version, done) select distinct '" ~ mart ~ "__overlap', "
        ~ "arrayJoin([rest.page_id, archive.page_id]) as page_id, " ~ version ~ ", 0 from (" ~ pages
        ~ " and lane = 'rest') as rest "
        ~ "inner join (" ~ pages ~ " and lane = 'archive') as archive using (" ~ columns ~ ") "
        ~ "where rest.window_start < archive.window_end and archive.window_start < rest.window_end "
        ~ "and (rest.page_id in (" ~ fresh ~ ") or archive.page_id in (" ~ fresh ~ "))") -%}
{%- endmacro -%}

{#- Condition on ops.build_pages: the page belongs to an overlap that this build compares. -#}
{%- macro overlap_pages(pages) -%}
    {{ pages }}.mart = '{{ this.identifier }}__overlap' and {{ pages }}.done = 0
    and {{ pages }}.version = {{ build_version() }}
{%- endmacro -%}
