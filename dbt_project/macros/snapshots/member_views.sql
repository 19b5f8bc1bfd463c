{#- The Merge table over all member views of a dataset. Its snapshot_id is the member's name without the prefix. -#}
{%- macro create_merge_table(dataset) -%}
    {%- set columns = [] -%}
    {%- for row in run_query('describe table (' ~ published_rows(dataset, 0) ~ ')') -%}
        {%- do columns.append(row[0] ~ ' ' ~ row[1]) -%}
    {%- endfor -%}
    {%- do run_query(
        "create table if not exists snaps." ~ dataset ~ on_cluster() ~ " (" ~ columns | join(', ')
        ~ ", snapshot_id String alias substring(_table, " ~ (dataset | length + 2) ~ ")) engine = Merge('snaps', '^" ~ dataset ~ "_')") -%}
{%- endmacro -%}

{%- macro create_member_view(dataset, id, version) -%}
    {%- do run_query(
        'create or replace view snaps.`' ~ dataset ~ '_' ~ id ~ '`' ~ on_cluster() ~ ' as ' ~ published_rows(dataset, version)) -%}
{%- endmacro -%}

{#- Makes the member views agree with the registry after a publication that died half way: views of ids that were never
    published go, views that a published id lacks come back. -#}
{%- macro reconcile_member_views(registry) -%}
    {%- for dataset in datasets() -%}
        {%- set prefix = dataset ~ '_' -%}
        {%- set orphans = run_query(
            "select name from system.tables where database = 'snaps' and startsWith(name, '" ~ prefix ~ "') and substring(name, "
            ~ (prefix | length + 1) ~ ") not in (select snapshot_id from " ~ registry ~ ")") -%}
        {%- for row in orphans -%}
            {%- do run_query('drop view if exists snaps.`' ~ row[0] ~ '`' ~ on_cluster()) -%}
        {%- endfor -%}
        {%- set missing = run_query(
            "select snapshot_id, data_version from " ~ registry ~ " where concat('" ~ prefix
            ~ "', snapshot_id) not in (select name from system.tables where database = 'snaps')") -%}
        {%- for row in missing -%}
            {%- do create_member_view(dataset, row[0], row[1]) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro -%}
