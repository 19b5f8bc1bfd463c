{#- Drops snapshots permanently and deletes the rows that no other one needs: dbt run-operation drop_snapshots --args
    '{ids: [X, Y]}'. Holds the claim of a build meanwhile. Safe to repeat after an interruption: ids are removed first,
    rows last. -#}
{%- macro drop_snapshots(ids) -%}
    {%- set registry = generate_schema_name('marts', none) | trim ~ '.snapshots' -%}
    {%- for id in ids -%}{%- do refuse_drop(registry, id) -%}{%- endfor -%}
    {%- do claim_build() -%}
    {%- for id in ids -%}
        {%- do refuse_drop(registry, id) -%}
        {%- do run_query(
            "insert into ops.snapshot_events (snapshot_id, event, data_version, actor) select snapshot_id, 'dropped', "
            ~ "data_version, '"
            ~ sql_text(build_owner()) ~ "' from " ~ registry ~ " where snapshot_id = '" ~ id ~ "'") -%}
    {%- endfor -%}
    {%- do forget_dropped(registry) -%}
    {%- do reconcile_member_views(registry) -%}
    {%- set behind = nodes_that_show_dropped(registry) -%}
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

{#- Nodes of a cluster whose registry may still have a dropped snapshot, with the reason: readers there would get fewer of
    its rows once they are freed. Waits for nodes that answer as long as `replica_wait_seconds`. -#}
{%- macro nodes_that_show_dropped(registry) -%}
    {%- set left = {} -%}
    {%- if on_cluster() -%}
        {%- set dropped = listed('snapshot_id', 'ops.snapshot_events', "event = 'dropped'") -%}
        {%- for attempt in range(var('replica_wait_seconds') | int + 1) -%}
            {%- do run_query('select sleep(1)') if not loop.first -%}
            {%- do left.clear() -%}
            {%- for node in known_nodes() -%}{%- do left.update({node: 'does not answer'}) -%}{%- endfor -%}
            {%- for row in run_query(
                "select node, toString(sum(shown)) from (select getMacro('replica') as node, count() as shown from "
                ~ of_all_nodes(registry) ~ ' where ' ~ dropped ~ " group by node union all select getMacro('replica') "
                ~ 'as node, toUInt64(0) as shown from ' ~ of_all_nodes('system.one') ~ ') group by node'
                ~ of_those_that_answer()) -%}
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
    {%- set known = run_query(
        "select data_version = (select max(data_version) from " ~ registry ~ "), snapshot_id in ("
        ~ protected_ids_sql() ~ ") from "
        ~ registry ~ " where snapshot_id = '" ~ sql_text(id) ~ "'").rows -%}
    {%- set dropped = run_query(
        "select count() from ops.snapshot_events where event = 'dropped' and snapshot_id = '" ~ sql_text(id)
        ~ "'").rows[0][0] | int -%}
    {%- if not known and not dropped -%}
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
{%- macro forget_dropped(registry) -%}
    {%- do run_query(
        'alter table ' ~ registry ~ ' delete where '
        ~ listed('snapshot_id', registry,
        "snapshot_id in (select snapshot_id from ops.snapshot_events where event = 'dropped')")
        ~ ' settings mutations_sync = 1') -%}
{%- endmacro -%}

{#- Deletes closed row versions that no published snapshot shows, and manifest rows that are no longer needed. -#}
{%- macro free_rows(registry) -%}
    {%- if build_version() == 0 -%}
        {%- do exceptions.raise_compiler_error(
            'free_rows deletes rows under the claim of a build, and this run has none: use `mdw snapshot drop`. '
            ~ 'Nothing was changed.') -%}
    {%- endif -%}
    {%- set pins = run_query('select distinct data_version from ' ~ registry
        ~ ' order by data_version').rows | map('first') | list -%}
    {%- set pins = [0] + pins -%}
    {%- for info in datasets().values() -%}
        {%- do free_rows_of(
            api.Relation.create(schema=generate_schema_name('marts', none) | trim, identifier=info.mart),
            info.partition, pins) -%}
        {%- do record_build_state('running') -%}
    {%- endfor -%}
    {%- do free_manifest_rows(registry, pins) -%}
{%- endmacro -%}

{#- Condition that no snapshot's version is in [from, to): the last one before `to` is before `from`. -#}
{%- macro without_pin(start, end, pins) -%}
    {{ return('roundDown(' ~ end ~ ' - 1, cast([' ~ pins | join(', ') ~ '] as Array(UInt32))) < ' ~ start) }}
{%- endmacro -%}

{#- Partition by partition, each merged to one part first: if a closed row and its open original are in different parts,
    deleting the closed one would reopen the original. -#}
{%- macro free_rows_of(relation, partition, pins) -%}
    {%- set free = 'valid_to_version != 4294967295 and '
        ~ without_pin('valid_from_version', 'valid_to_version', pins) -%}
    {%- set parts = run_query('select distinct ' ~ (partition or "'tuple()'") ~ ' from ' ~ relation ~ ' where '
        ~ free).rows -%}
    {%- for row in parts -%}
        {%- set clause = (' partition ' ~ row[0]) if partition else '' -%}
        {%- do run_query('optimize table ' ~ relation ~ clause
            ~ ' final settings optimize_skip_merged_partitions = 1') -%}
        {%- set active = run_query(
            "select count() from system.parts where database = '" ~ relation.schema ~ "' and table = '"
            ~ relation.identifier ~ "' and active and rows > 0 "
            ~ "and partition = '" ~ row[0] ~ "'").rows[0][0] | int -%}
        {%- if active > 1 -%}
            {%- do exceptions.raise_compiler_error(
                'partition ' ~ row[0] ~ ' of ' ~ relation
                ~ ' could not be merged to one part, so its rows are kept. Run again later.') -%}
        {%- endif -%}
        {%- set freed = (partition ~ ' = ' ~ row[0]) if partition else '1' -%}
        {%- do record_mart_rows(relation, partition, freed, may_shrink=true) -%}
        {%- do run_query(
            'alter table ' ~ relation ~ ' delete' ~ ((' in' ~ clause) if partition else '') ~ ' where ' ~ free
            ~ ' settings mutations_sync = 1') -%}
        {%- do record_mart_rows(relation, partition, freed) -%}
    {%- endfor -%}
{%- endmacro -%}

{%- macro free_manifest_rows(registry, pins) -%}
    {%- set manifest = registry | replace('.snapshots', '.snapshot_manifest') -%}
    {%- set group = 'dataset, instrument_id, timeframe, month' -%}
    {%- set unneeded = 'select ' ~ group ~ ', version from (select '
        ~ group ~ ', version, leadInFrame(version, 1, toUInt32(4294967295)) over (partition by ' ~ group
        ~ ' order by version rows between unbounded preceding and unbounded following) as next_version from '
        ~ manifest ~ ') where '
        ~ without_pin('version', 'next_version', pins) -%}
    {%- if not on_cluster() -%}
        {%- do run_query(
            'alter table ' ~ manifest ~ ' delete where (' ~ group ~ ', version) in (' ~ unneeded
            ~ ') settings mutations_sync = 1, allow_nondeterministic_mutations = 1') -%}
    {%- endif -%}
    {%- for rows in run_query('select toString((' ~ group ~ ', version)) from (' ~ unneeded
        ~ ')').rows | map('first') | batch(1000) if on_cluster() -%}
        {%- do run_query(
            'alter table ' ~ manifest ~ ' delete where (' ~ group ~ ', version) in (' ~ rows | join(', ')
            ~ ') settings mutations_sync = 1') -%}
    {%- endfor -%}
{%- endmacro -%}

{#- Condition that selects the rows with these values of a column. Each replica runs a mutation on its own, and a
    subquery would read that replica's data, so the values are written out. -#}
{%- macro listed(column, relation, condition) -%}
    {%- set values = ["''"] -%}
    {%- for row in run_query('select distinct ' ~ column ~ ' from ' ~ relation ~ ' where ' ~ condition) -%}
        {%- do values.append("'" ~ sql_text(row[0]) ~ "'") -%}
    {%- endfor -%}
    {{ return(column ~ ' in (' ~ values | join(', ') ~ ')') }}
{%- endmacro -%}

{#- Updates v_* after snapshots were archived or restored: dbt run-operation reconcile_snapshots. -#}
{%- macro reconcile_snapshots() -%}
    {%- do claim_build() -%}
    {%- do reconcile_member_views(generate_schema_name('marts', none) | trim ~ '.snapshots') -%}
    {%- do record_build_state('finished') -%}
{%- endmacro -%}
