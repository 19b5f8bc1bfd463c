{#- Selects and records the raw pages that this build processes for a mart: pages that land later wait for the next
    build. `again`: also pages that an earlier build has processed, for a mart that lost their rows. -#}
{%- macro select_pages(mart, entities, again=false) -%}
    {%- set raws = raw_tables_of(entities) -%}
    {%- set query -%}
        insert into ops.build_pages (mart, page_id, version, done)
        select distinct '{{ mart }}', page_id, {{ build_version() }}, 0
        from (
            {%- for raw in raws %}
            select page_id from raw.{{ raw }} where http_status = 200
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        )
        {%- if not again %}
        where page_id not in (select page_id from ops.build_pages where mart = '{{ mart }}' and done = 1)
        {%- endif %}
    {%- endset -%}
    {%- do run_query(query) if raws -%}
{%- endmacro -%}

{%- macro raw_tables_of(entities) -%}
    {%- set raws = [] -%}
    {%- for entity in entities -%}
        {%- do raws.extend(staging_leaves(entity) | map(attribute='raw')) -%}
    {%- endfor -%}
    {{ return(raws) }}
{%- endmacro -%}

{#- Condition on ops.build_pages: this build processes the page for this mart, or for its list of overlaps. -#}
{%- macro is_in_this_build(mart) -%}
    mart = '{{ mart }}' and done = 0 and version = {{ build_version() }}
{%- endmacro -%}

{#- Condition on staging rows: this build processes the page for this mart. -#}
{%- macro is_selected_page(mart, page='page_id') -%}
    {{ page }} in (select page_id from ops.build_pages where {{ is_in_this_build(mart) }})
{%- endmacro -%}

{#- Whether this build processes pages for the model. Without any, its SQL gives no rows, and planning that SQL would be
    most of a build without news. -#}
{%- macro has_pages_to_read() -%}
    {%- set meta = config.get('meta', {}) -%}
    {%- if not meta.get('entities') -%}{{ return(true) }}{%- endif -%}
    {%- set mart = this.identifier ~ ('__overlap' if meta.get('overlaps') else '') -%}
    {%- set one -%}
        select 1 as one from ops.build_pages where {{ is_in_this_build(mart) }} limit 1
    {%- endset -%}
    {{ return(has_rows(one)) }}
{%- endmacro -%}

{#- Stops before pages are marked done if none of their records was read, neither as a row nor as a rejected one. Of a
    page with three records, at most two are open bars, which are left out. -#}
{%- macro refuse_unread_pages(mart, entities) -%}
    {%- set recorded -%}
        select toString(sum(row_count))
        from {{ merged_raw(raw_tables_of(entities)) }}
        where row_count >= 3 and {{ is_selected_page(mart) }}
    {%- endset -%}
    {%- set read -%}
        select one
        from (
            {%- for entity in entities %}
            select 1 as one from ({{ union_leaves(entity, mart) }})
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        )
        limit 1
    {%- endset -%}
    {%- set records = scalar(recorded) | int -%}
    {%- if records and not has_rows(read) -%}
        {%- do exceptions.raise_compiler_error(
            'the pages that this build processes for ' ~ mart ~ ' contain ' ~ records
            ~ ' records, and the staging views read none of them. No page was '
            ~ 'marked done: run the whole `dbt build`, which recreates the staging views') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Marks the processed pages as done, because all their rows are in the mart. -#}
{%- macro mark_pages_done(mart) -%}
    {%- if build_version() == 0 -%}
        {%- do exceptions.raise_compiler_error(
            'mark_pages_done belongs to a build, which writes their rows: use `dbt build`. Nothing was changed.') -%}
    {%- endif -%}
    {%- set query -%}
        insert into ops.build_pages (mart, page_id, version, done)
        select mart, page_id, version, 1
        from ops.build_pages
        where {{ is_in_this_build(mart) }}
    {%- endset -%}
    {%- do run_query(query) -%}
{%- endmacro -%}

{#- Several raw tables as one. -#}
{%- macro merged_raw(raws) -%}
    merge('raw', '^({{ raws | join('|') }})$')
{%- endmacro -%}
