{#- Selects and records the raw pages that this build processes for a mart: pages that land later wait for the next
    build. `again`: also pages that an earlier build has processed, for a mart that lost their rows. -#}
{%- macro take_up_pages(mart, entities, again=false) -%}
    {%- set pages = [] -%}
    {%- for entity in entities -%}
        {%- for leaf in staging_leaves(entity) -%}
            {%- do pages.append('select page_id from raw.' ~ leaf.raw ~ ' where http_status = 200') -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do run_query(
        "insert into ops.build_pages (mart, page_id, version, done) select distinct '" ~ mart ~ "', page_id, "
        ~ build_version() ~ ", 0 "
        ~ "from (" ~ pages | join(' union all ') ~ ")" ~ ('' if again else " where page_id not in "
        ~ "(select page_id from ops.build_pages where mart = '" ~ mart ~ "' and done = 1)")) if pages -%}
{%- endmacro -%}

{#- Condition on staging rows: this build processes the page for this mart. -#}
{%- macro taken_up(mart) -%}
    page_id in (
        select page_id from ops.build_pages
        where mart = '{{ mart }}' and done = 0 and version = {{ build_version() }}
    )
{%- endmacro -%}

{#- Stops before pages are marked done if none of their records was read, neither as a row nor as a rejected one. Of a
    page with three records, at most two are open bars, which are left out. -#}
{%- macro refuse_unread_pages(mart, entities) -%}
    {%- set raws, queries = [], [] -%}
    {%- for entity in entities -%}
        {%- do raws.extend(staging_leaves(entity) | map(attribute='raw')) -%}
        {%- do queries.append('select 1 as one from (' ~ union_leaves(entity, mart) ~ ')') -%}
    {%- endfor -%}
    {%- set records = run_query(
        "select toString(sum(row_count)) from merge('raw', '^(" ~ raws | join('|') ~ ")$') where row_count >= 3 and "
        ~ taken_up(mart)).rows[0][0] | int -%}
    {%- if records and not run_query('select one from (' ~ queries | join(' union all ') ~ ') limit 1').rows -%}
        {%- do exceptions.raise_compiler_error(
            'the pages that this build processes for ' ~ mart ~ ' contain ' ~ records
            ~ ' records, and the staging views read none of them. No page was '
            ~ 'marked done: run the whole `dbt build`, which recreates the staging views') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Marks the processed pages as done, because all their rows are in the mart. -#}
{%- macro mark_pages_done(mart) -%}
    {%- set version = build_version() -%}
    {%- if version == 0 -%}
        {%- do exceptions.raise_compiler_error(
            'mark_pages_done belongs to a build, which writes their rows: use `dbt build`. Nothing was changed.') -%}
    {%- endif -%}
    {%- do run_query(
        "insert into ops.build_pages (mart, page_id, version, done) select mart, page_id, version, 1 from "
        ~ "ops.build_pages where mart = '" ~ mart ~ "' and version = " ~ version ~ " and done = 0") -%}
{%- endmacro -%}
