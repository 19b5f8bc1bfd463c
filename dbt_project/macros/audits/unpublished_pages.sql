{#- Pages that a build has processed but none has published. -#}
{%- macro unpublished_pages(mart) -%}
    select built.page_id from {{ source('ops', 'build_pages') }} as built
    where built.mart = '{{ mart }}' and built.done = 1 and built.version > {{ last_published_version() }}
{%- endmacro -%}

{#- Condition on staging rows: from such a page, or from an even sample if there are very many. -#}
{%- macro sampled_unpublished_pages(mart, most=1000) -%}
    page_id in (
        {{ unpublished_pages(mart) }}
        and cityHash64(built.page_id) % greatest(
            intDiv((select count() from ({{ unpublished_pages(mart) }})), {{ most }}), 1
        ) = 0
    )
{%- endmacro -%}

{#- Leaves of an entity that have such pages: planning the others would cost more than reading these. -#}
{%- macro leaves_of_unpublished_pages(entity, mart) -%}
    {%- set leaves = staging_leaves(entity) -%}
    {%- if not execute -%}{{ return(leaves) }}{%- endif -%}
    {%- set tables -%}
        select distinct _table
        from {{ merged_raw(leaves | map(attribute='raw')) }}
        where page_id in ({{ unpublished_pages(mart) }})
    {%- endset -%}
    {{ return(leaves | selectattr('raw', 'in', first_column(tables)) | list) }}
{%- endmacro -%}
