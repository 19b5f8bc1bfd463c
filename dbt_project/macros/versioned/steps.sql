{#- Closes rows that a dead build left open: of several open rows of a key, each ends where the next begins. Only
    versions after the last publication can be affected, so no published snapshot changes. -#}
{%- macro repair_open_rows(relation) -%}
    {%- set columns = stored_columns() | join(', ') -%}
    {%- set unpublished_rows -%}
        valid_from_version > {{ last_published_version() }}
    {%- endset -%}
    {%- for partition in partitions_of(relation, unpublished_rows) -%}
        {%- call statement('repair_open_rows') -%}
            insert into {{ relation }} ({{ columns }}, valid_from_version, valid_to_version)
            select {{ columns }}, valid_from_version, next_version
            from (
                select
                    *,
                    leadInFrame(valid_from_version) over (
                        partition by {{ key_list() }}
                        order by valid_from_version rows between unbounded preceding and unbounded following
                    ) as next_version
                from {{ relation }} final
                where
                    {{ in_partition(partition) }} and {{ open_rows() }}
                    and ({{ key_list() }}) in (
                        select {{ key_list() }}
                        from {{ relation }}
                        where {{ in_partition(partition) }} and {{ unpublished_rows }}
                    )
            )
            where next_version != 0
            settings join_use_nulls = 0
        {%- endcall -%}
    {%- endfor -%}
{%- endmacro -%}

{#- An empty table with the mart's columns, codecs and partitions: each partition can be compared separately, or
    attached to the mart unchanged. A plain MergeTree, so that no merge drops a row before one is chosen; hardly any
    merges, which would take a core from the insert and be discarded half done; and compact parts of one file, since
    creating three files per column takes the kernel up to a third of the insert. On a cluster, too, it stays on the
    build's node: what is chosen is replicated with the mart. -#}
{%- macro create_work_table(relation, work) -%}
    {%- do drop_work_table(work) -%}
    {%- call statement('create_work_table') -%}
        create table {{ work }} as {{ relation }}
        engine = MergeTree
        {{ versioned_layout(model) }}
        settings max_bytes_to_merge_at_max_space_in_pool = 1048576, min_bytes_for_wide_part = 1000000000000,
        min_rows_for_wide_part = 1000000000000
    {%- endcall -%}
{%- endmacro -%}

{%- macro drop_work_table(work) -%}
    {%- call statement('drop_work_table') -%}
        drop table if exists {{ work }}
    {%- endcall -%}
{%- endmacro -%}

{#- Materializes the candidates once. -#}
{%- macro stage_candidates(candidates, sql) -%}
    {%- set columns = model.columns.keys() | join(', ') -%}
    {%- call statement('stage_candidates') -%}
        insert into {{ candidates }} ({{ columns }})
        select {{ columns }}
        from ({{ sql }})
        settings max_insert_threads = 2{{ planning_settings() }}
    {%- endcall -%}
{%- endmacro -%}

{#- Planner steps that cost more than they save on staging views, as far as this server knows them. The first moves the
    filter on parsed rows into the ARRAY JOIN that explodes a page, so that every row is cast twice. The second merges
    the expressions of nested views into one: half of the time of a query over all staging views. -#}
{%- macro planning_settings() -%}
    {%- set known -%}
        select name
        from system.settings
        where name in ('query_plan_fuse_filter_into_array_join', 'query_plan_merge_expressions')
        order by name
    {%- endset -%}
    {%- for name in first_column(known) %}, {{ name }} = 0{% endfor -%}
{%- endmacro -%}

{#- Values of the partition expression in a table, oldest first. -#}
{%- macro partitions_of(relation, condition='1') -%}
    {%- set query -%}
        select distinct toString({{ config.get('partition_by', '') or 'toUInt8(1)' }}) as part
        from {{ relation }}
        where {{ condition }}
        order by part
    {%- endset -%}
    {{ return(first_column(query)) }}
{%- endmacro -%}

{#- Whether a partition of the relation has a row that satisfies the condition. -#}
{%- macro holds_rows(relation, partition, condition='1') -%}
    {%- set query -%}
        select 1
        from {{ relation }}
        where {{ in_partition(partition) }} and {{ condition }}
        limit 1
    {%- endset -%}
    {{ return(has_rows(query)) }}
{%- endmacro -%}

{#- Partitions of the candidates, oldest first, each with whether a key appears twice in it and whether the mart has
    parts of it. The last column of a key is nearly sorted, so sorting it costs half as much as a set of its values, and
    grouping in table order half as much as grouping by hash. -#}
{%- macro candidate_partitions(candidates, relation) -%}
    {%- set expression = config.get('partition_by', '') -%}
    {%- set key = config.require('unique_key') -%}
    {%- set held_partitions -%}
        select distinct `partition`
        from system.parts
        where
            active and `rows` > 0
            and database = '{{ relation.schema }}' and table = '{{ relation.identifier }}'
    {%- endset -%}
    {%- set query -%}
        select
            toString(part) as part,
            max(has_duplicates) as has_duplicates,
            toString(sum(`rows`)) as `rows`
        from (
            select
                {{ expression or 'toUInt8(1)' }} as part,
                count() as `rows`,
                `rows` != length(arrayCompact(arraySort(groupArray({{ key[-1] }})))) as has_duplicates
            from {{ candidates }}
            group by {{ (key[:-1] + ['part']) | join(', ') }}
        )
        group by part
        order by part
        settings optimize_aggregation_in_order = 1
    {%- endset -%}
    {%- set held = first_column(held_partitions) -%}
    {%- set partitions = [] -%}
    {%- for row in run_query(query) -%}
        {%- do partitions.append({
            'value': row[0], 'has_duplicates': row[1] | int == 1, 'rows': row[2] | int,
            'is_held': (row[0] if expression else 'tuple()') in held}) -%}
    {%- endfor -%}
    {{ return(partitions) }}
{%- endmacro -%}

{#- Adds the candidates of a partition to the mart, as `rows` of the version. -#}
{%- macro add_partition(relation, candidates, changes, partition, version) -%}
    {%- if not partition.is_held -%}
        {%- do insert_all(relation, candidates, partition, version) -%}
    {%- else -%}
        {%- do stage_changes(relation, candidates, changes, partition) -%}
        {%- do set_aside_late_conflicts(relation, changes, partition.value) -%}
        {%- do insert_changes(relation, changes, partition.value, version) -%}
        {%- set of_this_version -%}
            valid_from_version = {{ version }}
        {%- endset -%}
        {%- if holds_rows(relation, partition.value, of_this_version) -%}
            {%- do close_superseded(relation, changes, partition.value, version) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro -%}

{#- One candidate per key. If a key appears several times, the latest is chosen, the archive before other lanes;
    conflicting rows are excluded, and ties are broken deterministically by hash. In the columns of
    meta.keep_on_null, NULL means that a lane does not provide the value: then the latest other candidate that has
    one is used. -#}
{%- macro chosen_candidates(candidates, partition) -%}
    {%- if not partition.has_duplicates -%}
    select * from {{ candidates }} where {{ in_partition(partition.value) }}
    {%- else -%}
    select
        *
        {%- if keep_on_null() %} replace (
            {%- for name in keep_on_null() %}
            coalesce(
                {{ name }},
                argMax({{ name }}, (ingested_at, source = 'archive')) over (partition by {{ key_list() }})
            ) as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
        {%- endif %}
    from {{ candidates }}
    where
        {{ in_partition(partition.value) }}
        {%- if partition.has_conflicts %}
        and {{ without_conflicts() }}
        {%- endif %}
    order by
        {{ key_list() }}, ingested_at desc,
        {%- if 'source' in stored_columns() %}
        source = 'archive' desc,
        {%- endif %}
        cityHash64(tuple({{ value_columns() | join(', ') }}))
    limit 1 by {{ key_list() }}
    {%- endif -%}
{%- endmacro -%}

{%- macro keep_on_null() -%}
    {{ return(config.get('meta', {}).get('keep_on_null', [])) }}
{%- endmacro -%}

{#- Attaches partitions of the candidates to the mart, each atomically and without copying a row: there is nothing to
    compare or choose. Not ON CLUSTER: replicas fetch the parts, and each of them would attach them again. -#}
{%- macro attach_all(relation, candidates, partitions) -%}
    {%- for some in partitions | batch(50) -%}
        {%- call statement('attach_all') -%}
            alter table {{ relation }}
            {%- for partition in some %}
            attach {{ partition_clause(partition.value) }} from {{ candidates }}{{ ',' if not loop.last }}
            {%- endfor %}
        {%- endcall -%}
        {%- do record_build_state('running') if not loop.last -%}
    {%- endfor -%}
{%- endmacro -%}

{#- Inserts the candidates of a partition that was empty, one per key. -#}
{%- macro insert_all(relation, candidates, partition, version) -%}
    {%- set columns = stored_columns() | join(', ') -%}
    {%- call statement('insert_all') -%}
        insert into {{ relation }} ({{ columns }}, valid_from_version)
        select {{ columns }}, {{ version }}
        from ({{ chosen_candidates(candidates, partition) }})
    {%- endcall -%}
{%- endmacro -%}

{#- Leaves out the candidates that are already in the mart unchanged, by a hash of key and values: rows that land again
    are mostly unchanged, and a hash costs a fraction of a join. -#}
{%- macro stage_changes(relation, candidates, changes, partition) -%}
    {%- set columns = model.columns.keys() | join(', ') -%}
    {%- set key = config.require('unique_key') -%}
    {%- set hash -%}
        reinterpretAsUInt128(xxh3_128(tuple({{ (key + value_columns()) | join(', ') }})))
    {%- endset -%}
    {%- call statement('stage_changes') -%}
        insert into {{ changes }} ({{ columns }})
        select {{ columns }}
        from ({{ chosen_candidates(candidates, partition) }})
        where
            {{ hash }} not in (
                select {{ hash }}
                from {{ relation }} final
                where
                    {{ in_partition(partition.value) }} and {{ open_rows() }}
                    {%- if key | length > 1 %}
                    and ({{ key[:-1] | join(', ') }}) in (
                        select distinct {{ key[:-1] | join(', ') }}
                        from {{ candidates }}
                        where {{ in_partition(partition.value) }}
                    )
                    {%- endif %}
                    and {{ key[-1] }} between (
                        select min({{ key[-1] }}) from {{ candidates }} where {{ in_partition(partition.value) }}
                    ) and (
                        select max({{ key[-1] }}) from {{ candidates }} where {{ in_partition(partition.value) }}
                    )
            )
        settings do_not_merge_across_partitions_select_final = 1
    {%- endcall -%}
{%- endmacro -%}

{#- Inserts candidates that are new or differ from the open row of their key. One that was fetched before the open row
    does not replace it, nor does one of the same lane and moment (set_aside_late_conflicts), unless it only fills NULLs
    of that row. What a lane does not tell (keep_on_null) neither differs from a value nor replaces it. -#}
{%- macro insert_changes(relation, changes, partition, version) -%}
    {%- set columns = stored_columns() -%}
    {%- set ranked = dataset_of_mart() is not none -%}
    {%- call statement('insert_changes') -%}
        insert into {{ relation }} ({{ columns | join(', ') }}, valid_from_version)
        select
            {%- for name in columns %}
                {%- if name in keep_on_null() %}
            coalesce(candidate.{{ name }}, open_row.{{ name }}),
                {%- else %}
            candidate.{{ name }},
                {%- endif %}
            {%- endfor %}
            {{ version }}
        from (select * from {{ changes }} where {{ in_partition(partition) }}) as candidate
        left join (
            select
                {{ key_list() }},
                {{ value_columns() | join(', ') }},
                ingested_at,
                {%- if ranked %}
                source,
                {%- endif %}
                1 as is_known
            from {{ relation }} final
            where
                {{ in_partition(partition) }} and {{ open_rows() }}
                and ({{ key_list() }}) in (
                    select {{ key_list() }} from {{ changes }} where {{ in_partition(partition) }}
                )
        ) as open_row using ({{ key_list() }})
        where
            open_row.is_known = 0
            or (
                {%- if ranked %}
                {{ row_rank('candidate') }} > {{ row_rank('open_row') }}
                {%- else %}
                candidate.ingested_at >= open_row.ingested_at
                {%- endif %}
                and (
                    {%- for name in value_columns() %}
                    {{ differs('candidate', 'open_row', name) }}
                    {{ 'or' if not loop.last }}
                    {%- endfor %}
                )
            )
            {%- if ranked %}
            or {{ only_fills_nulls('candidate', 'open_row') }}
            {%- endif %}
        settings join_use_nulls = 0, do_not_merge_across_partitions_select_final = 1
    {%- endcall -%}
{%- endmacro -%}

{#- Adds the closed copy of each open row that this build supersedes. -#}
{%- macro close_superseded(relation, changes, partition, version) -%}
    {%- set columns = stored_columns() | join(', ') -%}
    {%- call statement('close_superseded') -%}
        insert into {{ relation }} ({{ columns }}, valid_from_version, valid_to_version)
        select {{ columns }}, valid_from_version, {{ version }}
        from {{ relation }} final
        where
            {{ in_partition(partition) }} and {{ open_rows() }} and valid_from_version < {{ version }}
            and ({{ key_list() }}) in (
                select {{ key_list() }}
                from {{ relation }}
                where
                    {{ in_partition(partition) }} and valid_from_version = {{ version }}
                    and ({{ key_list() }}) in (
                        select {{ key_list() }} from {{ changes }} where {{ in_partition(partition) }}
                    )
            )
        settings do_not_merge_across_partitions_select_final = 1
    {%- endcall -%}
{%- endmacro -%}

{#- Stops before pages are marked done if a candidate was not written and is not in the mart. New partitions are
    counted; in the others, candidates left out by stage_changes are already in the mart, and the rest must have an open
    row for their key. -#}
{%- macro refuse_unwritten_rows(relation, candidates, changes, partitions, version) -%}
    {%- set new = partitions | rejectattr('is_held') | list -%}
    {%- set duplicates = new | selectattr('has_duplicates') | list -%}
    {%- set held = partitions | selectattr('is_held') | list -%}
    {%- set expected = new | rejectattr('has_duplicates') | sum(attribute='rows') -%}
    {%- set written, missing = 0, 0 -%}
    {%- if duplicates -%}
        {%- set distinct_keys -%}
            select toString(count())
            from (
                select distinct {{ key_list() }}
                from {{ candidates }}
                where
                    {{ in_partitions(duplicates) }}
                    {#- Conflicting rows are recorded instead of written. -#}
                    {%- if duplicates | selectattr('has_conflicts', 'defined') | selectattr('has_conflicts') | list %}
                    and {{ without_conflicts() }}
                    {%- endif %}
            )
        {%- endset -%}
        {%- set expected = expected + scalar(distinct_keys) | int -%}
    {%- endif -%}
    {%- if new -%}
        {%- set new_rows -%}
            select toString(count())
            from {{ relation }}
            where {{ in_partitions(new) }} and valid_from_version = {{ version }}
        {%- endset -%}
        {%- set written = scalar(new_rows) | int -%}
    {%- endif -%}
    {%- if held -%}
        {%- set keys_without_open_row -%}
            select toString(count())
            from (select distinct {{ key_list() }} from {{ changes }})
            where ({{ key_list() }}) not in (
                select {{ key_list() }}
                from {{ relation }} final
                where
                    {{ in_partitions(held) }} and {{ open_rows() }}
                    and ({{ key_list() }}) in (select {{ key_list() }} from {{ changes }})
            )
            settings do_not_merge_across_partitions_select_final = 1
        {%- endset -%}
        {%- set missing = scalar(keys_without_open_row) | int -%}
    {%- endif -%}
    {%- if written != expected or missing -%}
        {%- do exceptions.raise_compiler_error(
            'the pages of this build contain ' ~ (expected + missing) ~ ' rows for ' ~ relation ~ ', and '
            ~ (expected - written + missing)
            ~ ' of them were not written. No page was marked done: run the build again, and if it fails again see '
            ~ 'runbooks/rows_lost.md') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Merges the changed partitions that have several parts: FINAL over one part costs almost nothing. Several at a time,
    because a merge uses one core. Not ON CLUSTER: replicas follow, and parallel statements cannot be distributed that
    way. -#}
{%- macro merge_changed_partitions(relation, partitions) -%}
    {%- for some in partitions | batch(12) -%}
        {%- call statement('merge_changed_partitions') -%}
            {%- for partition in some %}
            optimize table {{ relation }} {{ partition_clause(partition.value) }} final
            settings optimize_skip_merged_partitions = 1
            {{ 'parallel with' if not loop.last }}
            {%- endfor %}
        {%- endcall -%}
        {%- do record_build_state('running') if not loop.last -%}
    {%- endfor -%}
{%- endmacro -%}
