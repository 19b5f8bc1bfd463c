{#- Fixes the raw pages that this build takes up for one mart: pages landed later wait for the next build. -#}
{%- macro take_up_pages(mart, entities) -%}
    {%- set pages = [] -%}
    {%- for entity in entities -%}
        {%- for leaf in staging_leaves(entity) -%}
            {%- do pages.append('select page_id from raw.' ~ leaf.raw ~ ' where http_status = 200') -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do run_query(
        "insert into ops.build_pages (mart, page_id, version, done) select distinct '" ~ mart ~ "', page_id, " ~ build_version() ~ ", 0 "
        ~ "from (" ~ pages | join(' union all ') ~ ") where page_id not in "
        ~ "(select page_id from ops.build_pages where mart = '" ~ mart ~ "' and done = 1)") if pages -%}
{%- endmacro -%}

{#- Condition on staging rows: the page was taken up by this build for this mart. -#}
{%- macro taken_up(mart) -%}
    page_id in (select page_id from ops.build_pages where mart = '{{ mart }}' and done = 0 and version = {{ build_version() }})
{%- endmacro -%}

{#- Every row of the taken-up pages is in the mart: do not look at these pages again. -#}
{%- macro mark_pages_done(mart) -%}
    {%- set version = build_version() -%}
    {%- do run_query(
        "insert into ops.build_pages (mart, page_id, version, done) select mart, page_id, version, 1 from ops.build_pages "
        ~ "where mart = '" ~ mart ~ "' and version = " ~ version ~ " and done = 0") -%}
{%- endmacro -%}
