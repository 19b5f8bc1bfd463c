{#- Closes what a build that died left open: of several open rows of a key each ends where the next begins. Only
    versions after the last publication can be affected, so nothing that a pin shows changes. -#}
{%- macro repair_open_rows(relation) -%}
    {%- set published = last_published_version() -%}
    {%- for partition in partitions_of(relation, 'valid_from_version > ' ~ published) -%}
        {%- do run_query(
            'insert into ' ~ relation ~ ' (' ~ stored_columns() | join(', ') ~ ', valid_from_version, valid_to_version) '
            ~ 'select ' ~ stored_columns() | join(', ') ~ ', valid_from_version, next_version from ('
            ~ 'select *, leadInFrame(valid_from_version) over (partition by ' ~ key_list()
            ~ ' order by valid_from_version rows between unbounded preceding and unbounded following) as next_version from ' ~ relation
            ~ ' final where ' ~ in_partition(partition) ~ ' and valid_to_version = 4294967295 and (' ~ key_list() ~ ') in (select '
            ~ key_list() ~ ' from ' ~ relation ~ ' where ' ~ in_partition(partition) ~ ' and valid_from_version > ' ~ published
            ~ ')) where next_version != 0 settings join_use_nulls = 0') -%}
    {%- endfor -%}
{%- endmacro -%}

{#- Materializes the candidates once, in the partitions of the target, so that each can be compared by itself. -#}
{%- macro stage_candidates(candidates, sql) -%}
    {%- do run_query('drop table if exists ' ~ candidates ~ on_cluster()) -%}
    {%- set columns = [] -%}
    {%- for column in model.columns.values() -%}
        {%- do columns.append(column.name ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}
    {%- do run_query(
        'create table ' ~ candidates ~ on_cluster() ~ ' (' ~ columns | join(', ') ~ ') engine = ' ~ var('log_engine') ~ ' partition by '
        ~ (config.get('partition_by', '') or 'tuple()') ~ ' order by (' ~ key_list() ~ ')') -%}
    {%- do run_query(
        'insert into ' ~ candidates ~ ' (' ~ model.columns.keys() | join(', ') ~ ') select ' ~ model.columns.keys() | join(', ')
        ~ ' from (' ~ sql ~ ')') -%}
{%- endmacro -%}

{#- Values of the partition expression over a table, oldest first. -#}
{%- macro partitions_of(relation, condition='1') -%}
    {%- set expression = config.get('partition_by', '') or 'toUInt8(1)' -%}
    {%- set rows = run_query(
        'select distinct toString(' ~ expression ~ ') as part from ' ~ relation ~ ' where ' ~ condition ~ ' order by part') -%}
    {{ return(rows.rows | map('first') | list) }}
{%- endmacro -%}

{#- Inserts candidates that are new or differ from the open row of their key. Of several candidates of a key the latest
    counts, archive before other lanes; one that was fetched before the open row does not replace it. In the columns of
    meta.known_stays_known NULL means that this lane does not tell: it neither differs from a value nor replaces it. -#}
{%- macro insert_changes(relation, candidates, partition, version) -%}
    {%- set columns = stored_columns() -%}
    {%- set values = value_columns() -%}
    {%- set lane_first = "source = 'archive' desc, " if 'source' in columns else '' -%}
    {%- set kept = config.get('meta', {}).get('known_stays_known', []) -%}
    {%- set differs, chosen, known = [], [], [] -%}
    {%- for name in values -%}
        {%- do differs.append(
            ('isNotNull(candidate.' ~ name ~ ') and ' if name in kept else '')
            ~ 'not isNotDistinctFrom(candidate.' ~ name ~ ', open_row.' ~ name ~ ')') -%}
    {%- endfor -%}
    {%- for name in columns -%}
        {%- do chosen.append('coalesce(candidate.' ~ name ~ ', open_row.' ~ name ~ ')' if name in kept else 'candidate.' ~ name) -%}
    {%- endfor -%}
    {%- for name in kept -%}
        {%- do known.append('coalesce(' ~ name ~ ', any(' ~ name ~ ') over (partition by ' ~ key_list() ~ ')) as ' ~ name) -%}
    {%- endfor -%}
    {%- call statement('insert_changes') -%}
        insert into {{ relation }} ({{ columns | join(', ') }}, valid_from_version)
        select {{ chosen | join(', ') }}, {{ version }}
        from (
            select *{{ (' replace (' ~ known | join(', ') ~ ')') if known }} from {{ candidates }}
            where {{ in_partition(partition) }}
            order by {{ key_list() }}, ingested_at desc, {{ lane_first }}sipHash64(tuple({{ values | join(', ') }}))
            limit 1 by {{ key_list() }}
        ) as candidate
        left join (
            select {{ key_list() }}, {{ values | join(', ') }}, ingested_at, 1 as is_known
            from {{ relation }} final
            where {{ in_partition(partition) }} and valid_to_version = 4294967295
                and ({{ key_list() }}) in (select {{ key_list() }} from {{ candidates }} where {{ in_partition(partition) }})
        ) as open_row using ({{ key_list() }})
        where open_row.is_known = 0 or (candidate.ingested_at >= open_row.ingested_at and ({{ differs | join(' or ') }}))
        settings join_use_nulls = 0, do_not_merge_across_partitions_select_final = 1
    {%- endcall -%}
{%- endmacro -%}

{#- Adds the closed copy of each open row that a row of this build supersedes. -#}
{%- macro close_superseded(relation, candidates, partition, version) -%}
    {%- set columns = stored_columns() | join(', ') -%}
    {%- call statement('close_superseded') -%}
        insert into {{ relation }} ({{ columns }}, valid_from_version, valid_to_version)
        select {{ columns }}, valid_from_version, {{ version }}
        from {{ relation }} final
        where {{ in_partition(partition) }} and valid_to_version = 4294967295 and valid_from_version < {{ version }}
            and ({{ key_list() }}) in (
                select {{ key_list() }} from {{ relation }}
                where {{ in_partition(partition) }} and valid_from_version = {{ version }}
                    and ({{ key_list() }}) in (select {{ key_list() }} from {{ candidates }} where {{ in_partition(partition) }})
            )
        settings do_not_merge_across_partitions_select_final = 1
    {%- endcall -%}
{%- endmacro -%}

{#- Merges the touched partitions that lie in several parts: FINAL over one part costs next to nothing. -#}
{%- macro merge_touched(relation, partitions) -%}
    {%- for partition in partitions -%}
        {%- set clause = (' partition ' ~ partition) if config.get('partition_by', '') else '' -%}
        {%- do run_query('optimize table ' ~ relation ~ on_cluster() ~ clause ~ ' final settings optimize_skip_merged_partitions = 1') -%}
    {%- endfor -%}
{%- endmacro -%}
