{#- Drops snapshots permanently and deletes the rows that no other one needs: dbt run-operation drop_snapshots --args
    '{ids: [X, Y]}'. Holds the claim of a build meanwhile. Safe to repeat after an interruption: ids are removed first,
    rows last. -#}
{%- macro drop_snapshots(ids) -%}
    {%- set registry = 'marts.snapshots' -%}
    {%- for id in ids -%}{%- do refuse_drop(registry, id) -%}{%- endfor -%}
    {%- do claim_build() -%}
    {%- for id in ids -%}
        {%- do refuse_drop(registry, id) -%}
        {%- call statement('record_drop') -%}
            insert into ops.snapshot_events (snapshot_id, event, data_version, actor)
            select snapshot_id, 'dropped', data_version, '{{ sql_text(build_owner()) }}'
            from {{ registry }}
            where snapshot_id = '{{ id }}'
        {%- endcall -%}
    {%- endfor -%}
    {%- do remove_dropped_ids(registry) -%}
    {%- do reconcile_member_views(registry) -%}
    {%- set behind = nodes_showing_dropped(registry) -%}
    {%- if behind -%}
        {%- for node, why in behind.items() -%}
            {%- do log(
                'rows kept: node ' ~ node ~ ' ' ~ why ~ ', so the rows of ' ~ ids | join(', ') ~ ' stay. Run the same '
                ~ 'command again once `mdw cluster check` says that it serves: that frees them', info=true) -%}
        {%- endfor -%}
    {%- else -%}
        {%- do free_rows(registry) -%}
    {%- endif -%}
    {%- do record_build_state('finished') -%}
    {%- do log('dropped ' ~ ids | join(', '), info=true) -%}
{%- endmacro -%}

{#- Nodes of a cluster whose registry may still have a dropped snapshot, with the reason: readers there would get fewer
    of its rows once they are freed. Waits for nodes that answer as long as `replica_wait_seconds`. -#}
{%- macro nodes_showing_dropped(registry) -%}
    {%- set left = {} -%}
    {%- if on_cluster() -%}
        {%- set query -%}
            select node, toString(sum(shown))
            from (
                select getMacro('replica') as node, count() as shown
                from {{ on_all_nodes(registry) }}
                where {{ is_one_of('snapshot_id', dropped_ids_sql()) }}
                group by node
                union all
                select getMacro('replica') as node, toUInt64(0) as shown
                from {{ on_all_nodes('system.one') }}
            )
            group by node
            {{ skip_unavailable_nodes() }}
        {%- endset -%}
        {%- for attempt in range(var('replica_wait_seconds') | int + 1) -%}
            {%- do sleep_one_second() if not loop.first -%}
            {%- do left.clear() -%}
            {%- for node in known_nodes() -%}{%- do left.update({node: 'does not answer'}) -%}{%- endfor -%}
            {%- for row in run_query(query) -%}
                {%- if row[1] == '0' -%}{%- do left.pop(row[0], none) -%}
                {%- else -%}{%- do left.update({row[0]: 'still shows a dropped snapshot'}) -%}{%- endif -%}
            {%- endfor -%}
            {%- if 'still shows a dropped snapshot' not in left.values() -%}{{ return(left) }}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(left) }}
{%- endmacro -%}

{#- Stops before anything is changed. A snapshot that was dropped already may be named again: that finishes the
    work. -#}
{%- macro refuse_drop(registry, id) -%}
    {%- set state -%}
        select
            data_version = (select max(data_version) from {{ registry }}),
            snapshot_id in ({{ protected_ids_sql() }})
        from {{ registry }}
        where snapshot_id = '{{ sql_text(id) }}'
    {%- endset -%}
    {%- set drops -%}
        select count() from ops.snapshot_events where event = 'dropped' and snapshot_id = '{{ sql_text(id) }}'
    {%- endset -%}
    {%- set known = run_query(state).rows -%}
    {%- if not known and scalar(drops) | int == 0 -%}
        {%- do exceptions.raise_compiler_error("there is no snapshot '" ~ id ~ "'. Nothing was dropped.") -%}
    {%- elif known and known[0][1] | int -%}
        {%- do exceptions.raise_compiler_error('snapshot ' ~ id
            ~ ' is protected. Unprotect it first. Nothing was dropped.') -%}
    {%- elif known and known[0][0] | int -%}
        {%- do exceptions.raise_compiler_error(
            'snapshot ' ~ id
            ~ ' is the newest one, which v_*_latest shows. Publish another one first. Nothing was dropped.') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Removes dropped ids from the registry: from here on no reader can start reading them. -#}
{%- macro remove_dropped_ids(registry) -%}
    {%- set dropped -%}
        select distinct snapshot_id from {{ registry }} where snapshot_id in ({{ dropped_ids_sql() }})
    {%- endset -%}
    {%- call statement('remove_dropped_ids') -%}
        alter table {{ registry }} delete where {{ is_one_of('snapshot_id', dropped) }} settings mutations_sync = 1
    {%- endcall -%}
{%- endmacro -%}

{%- macro dropped_ids_sql() -%}
    select distinct snapshot_id from ops.snapshot_events where event = 'dropped'
{%- endmacro -%}

{#- Deletes closed row versions that no published snapshot shows, and manifest rows that are no longer needed. -#}
{%- macro free_rows(registry) -%}
    {%- if build_version() == 0 -%}
        {%- do exceptions.raise_compiler_error(
            'free_rows deletes rows under the claim of a build, and this run has none: use `mdw snapshot drop`. '
            ~ 'Nothing was changed.') -%}
    {%- endif -%}
    {%- set published_versions -%}
        select distinct data_version from {{ registry }} order by data_version
    {%- endset -%}
    {%- set pins = [0] + first_column(published_versions) -%}
    {%- for info in datasets().values() -%}
        {%- do free_rows_of(api.Relation.create(schema='marts', identifier=info.mart), info.partition, pins) -%}
        {%- do record_build_state('running') -%}
    {%- endfor -%}
    {%- do free_manifest_rows(registry, pins) -%}
{%- endmacro -%}

{#- Condition that no snapshot's version is in [start, end): the last one before `end` is before `start`. -#}
{%- macro has_no_pin(start, end, pins) -%}
    roundDown({{ end }} - 1, cast([{{ pins | join(', ') }}] as Array(UInt32))) < {{ start }}
{%- endmacro -%}

{#- Partition by partition, each merged to one part first: if a closed row and its open original are in different parts,
    deleting the closed one would reopen the original. -#}
{%- macro free_rows_of(relation, partition, pins) -%}
    {%- set partitions_to_free -%}
        select distinct {{ partition or "'tuple()'" }} from {{ relation }} where {{ is_unneeded_row(pins) }}
    {%- endset -%}
    {%- for value in first_column(partitions_to_free) -%}
        {%- do merge_to_one_part(relation, partition, value) -%}
        {%- set in_partition -%}
            {%- if partition %}{{ partition }} = {{ value }}{% else %}1{% endif -%}
        {%- endset -%}
        {%- do record_mart_rows(relation, partition, in_partition, may_shrink=true) -%}
        {%- call statement('free_rows') -%}
            alter table {{ relation }} delete
            {%- if partition %}
            in partition {{ value }}
            {%- endif %}
            where {{ is_unneeded_row(pins) }}
            settings mutations_sync = 1
        {%- endcall -%}
        {%- do record_mart_rows(relation, partition, in_partition) -%}
    {%- endfor -%}
{%- endmacro -%}

{#- Condition on rows of a mart: closed before any snapshot showed them, or shown by dropped snapshots only. -#}
{%- macro is_unneeded_row(pins) -%}
    valid_to_version != 4294967295 and {{ has_no_pin('valid_from_version', 'valid_to_version', pins) }}
{%- endmacro -%}

{%- macro merge_to_one_part(relation, partition, value) -%}
    {%- call statement('merge_to_one_part') -%}
        optimize table {{ relation }}
        {%- if partition %}
        partition {{ value }}
        {%- endif %}
        final settings optimize_skip_merged_partitions = 1
    {%- endcall -%}
    {%- set parts -%}
        select count()
        from system.parts
        where
            database = '{{ relation.schema }}' and table = '{{ relation.identifier }}' and active and `rows` > 0
            and `partition` = '{{ value }}'
    {%- endset -%}
    {%- if scalar(parts) | int > 1 -%}
        {%- do exceptions.raise_compiler_error(
            'partition ' ~ value ~ ' of ' ~ relation
            ~ ' could not be merged to one part, so its rows are kept. Run again later.') -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro free_manifest_rows(registry, pins) -%}
    {%- set manifest = registry | replace('.snapshots', '.snapshot_manifest') -%}
    {%- if on_cluster() -%}
        {%- set unneeded -%}
            select toString((dataset, instrument_id, timeframe, month, version))
            from ({{ unneeded_manifest_rows_sql(manifest, pins) }})
        {%- endset -%}
        {%- for rows in first_column(unneeded) | batch(1000) -%}
            {%- call statement('free_manifest_rows') -%}
                alter table {{ manifest }} delete
                where (dataset, instrument_id, timeframe, month, version) in ({{ rows | join(', ') }})
                settings mutations_sync = 1
            {%- endcall -%}
        {%- endfor -%}
    {%- else -%}
        {%- call statement('free_manifest_rows') -%}
            alter table {{ manifest }} delete
            where (dataset, instrument_id, timeframe, month, version) in (
                {{ unneeded_manifest_rows_sql(manifest, pins) }}
            )
            settings mutations_sync = 1, allow_nondeterministic_mutations = 1
        {%- endcall -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro unneeded_manifest_rows_sql(manifest, pins) -%}
    select dataset, instrument_id, timeframe, month, version
    from (
        select
            dataset,
            instrument_id,
            timeframe,
            month,
            version,
            leadInFrame(version, 1, toUInt32(4294967295)) over (
                partition by dataset, instrument_id, timeframe, month
                order by version rows between unbounded preceding and unbounded following
            ) as next_version
        from {{ manifest }}
    )
    where {{ has_no_pin('version', 'next_version', pins) }}
{%- endmacro -%}

{#- Condition that a column has one of the values that a query returns. Each replica runs a mutation on its own, and a
    subquery would read that replica's data, so the values are written out. -#}
{%- macro is_one_of(column, values) -%}
    {{ column }} in ({{ quoted([''] + first_column(values)) }})
{%- endmacro -%}

{#- Updates v_* after snapshots were archived or restored: dbt run-operation reconcile_snapshots. -#}
{%- macro reconcile_snapshots() -%}
    {%- do claim_build() -%}
    {%- do reconcile_member_views('marts.snapshots') -%}
    {%- do record_build_state('finished') -%}
{%- endmacro -%}
