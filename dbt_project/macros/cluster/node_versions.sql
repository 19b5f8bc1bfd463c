{#- Which node has which data version (ops.node_versions). Rows of the marts, rows of the registry and the views reach a
    node at different times, so a node could know a snapshot and lack its rows. A node gets its row in ops.node_versions
    once its rows of a version have been compared with those of a node that has them; until that row has reached the
    node, every view that shows the version stops with an error. -#}

{#- Newest data version that is complete on the node that runs the query: a scalar. -#}
{%- macro newest_held_version() -%}
    (select max(holds.version) from ops.node_versions as holds where holds.node = getMacro('replica'))
{%- endmacro -%}

{#- The error of a query on a node that lacks rows, as an SQL literal. -#}
{%- macro node_behind_message() -%}
    {{ quoted(['this node is behind: it does not have every row of this snapshot yet. Read from another node, or see '
        ~ 'runbooks/cluster.md']) }}
{%- endmacro -%}

{#- The error of a query on a node that may not know every snapshot, as an SQL literal. -#}
{%- macro cut_off_message(dataset) -%}
    {{ quoted(['this node has no session with Keeper and may not know every snapshot: read v_' ~ dataset
        ~ '_at(snapshot_id = ...), which needs none, or from another node (runbooks/cluster.md, Keeper lost)']) }}
{%- endmacro -%}

{#- A version as an expression that stops the query during planning if this node does not have it; on a single server,
    just the version. -#}
{%- macro version_or_error(version) -%}
    {%- if on_cluster() -%}
    toUInt32(if({{ version }} <= {{ newest_held_version() }}, toString({{ version }}), {{ node_behind_message() }}))
    {%- else -%}
    {{ version }}
    {%- endif -%}
{%- endmacro -%}

{#- The same for a version given as a number, as an additional condition that is always true; '' on a single server. -#}
{%- macro and_node_has(version) -%}
    {%- if on_cluster() %}
    and (
        select {{ version }} + throwIf({{ version }} > max(holds.version), {{ node_behind_message() }})
        from ops.node_versions as holds
        where holds.node = getMacro('replica')
    ) = {{ version }}
    {%- endif -%}
{%- endmacro -%}

{#- A table on all nodes that respond. -#}
{%- macro on_all_nodes(table) -%}
    clusterAllReplicas({{ adapter.get_clickhouse_cluster_name() }}, {{ table }})
{%- endmacro -%}

{#- Settings that skip a node that does not respond within a few seconds. -#}
{%- macro skip_unavailable_nodes() -%}
    settings skip_unavailable_shards = 1, connections_with_failover_max_tries = 1,
    connect_timeout_with_failover_ms = 1000, connect_timeout_with_failover_secure_ms = 2000,
    handshake_timeout_ms = 2000, receive_timeout = 60, async_socket_for_remote = 1
{%- endmacro -%}

{#- Names of all nodes known to Keeper. -#}
{%- macro known_nodes() -%}
    {%- set query -%}
        select distinct arrayJoin(mapKeys(replica_is_active)) as node
        from system.replicas
        where database = 'ops' and table = 'builds'
        order by node
    {%- endset -%}
    {{ return(first_column(query)) }}
{%- endmacro -%}

{#- Names of those that have a session with Keeper now. -#}
{%- macro nodes_with_session() -%}
    {%- set query -%}
        select arrayJoin(mapKeys(mapFilter((node, is_active) -> is_active, replica_is_active))) as node
        from system.replicas
        where database = 'ops' and table = 'builds'
    {%- endset -%}
    {{ return(first_column(query)) }}
{%- endmacro -%}

{%- macro own_node() -%}
    {{ return(scalar("select getMacro('replica')")) }}
{%- endmacro -%}

{#- node -> newest version that it is known to have. -#}
{%- macro recorded_versions() -%}
    {%- set versions = {} -%}
    {%- for row in run_query('select node, toString(max(version)) from ops.node_versions group by node') -%}
        {%- do versions.update({row[0]: row[1] | int}) -%}
    {%- endfor -%}
    {{ return(versions) }}
{%- endmacro -%}

{#- What each node that answers holds of a version beside what it held as of `last`: node -> a text that is equal for
    equal rows. Rows that builds after the version brought or closed do not count. -#}
{%- macro contents_by_node(last, version) -%}
    {%- set query -%}
        select node, toString(arraySort(groupArray((part, `rows`, hash))))
        from (
            {{ mart_contents_sql(last, version) }}
            union all
            {{ manifest_contents_sql(last, version) }}
            union all
            {{ evidence_contents_sql(last, version) }}
            union all
            {{ view_contents_sql() }}
            union all
            select getMacro('replica') as node, '' as part, toUInt64(0) as `rows`, toUInt64(0) as hash
            from {{ on_all_nodes('system.one') }}
        )
        group by node
        {{ skip_unavailable_nodes() }}
    {%- endset -%}
    {%- set contents = {} -%}
    {%- for row in run_query(query) -%}{%- do contents.update({row[0]: row[1]}) -%}{%- endfor -%}
    {{ return(contents) }}
{%- endmacro -%}

{%- macro mart_contents_sql(last, version) -%}
    {%- for info in datasets().values() %}
    select
        getMacro('replica') as node,
        '{{ info.mart }}' as part,
        count() as `rows`,
        sum(cityHash64(
            {{ info.key | join(', ') }}, valid_from_version, least(valid_to_version, {{ version + 1 }})
        )) as hash
    from {{ on_all_nodes('marts.' ~ info.mart) }} final
    prewhere {{ changed_in() }} > {{ last }}
    where
        valid_from_version <= {{ version }}
        and (valid_from_version > {{ last }} or valid_to_version <= {{ version }})
    group by node
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}

{%- macro manifest_contents_sql(last, version) -%}
    select
        getMacro('replica') as node,
        'manifest' as part,
        count() as `rows`,
        sum(cityHash64(dataset, instrument_id, timeframe, month, version, row_count, content_hash)) as hash
    from {{ on_all_nodes(manifest_relation()) }}
    where version > {{ last }} and version <= {{ version }}
    group by node
{%- endmacro -%}

{#- What the views of gaps and of condition read beside the marts. Without it a node would name fewer gaps and findings,
    or other ones. -#}
{%- macro evidence_contents_sql(last, version) -%}
    {%- set first_recorded -%}
        select toString(min(recorded_at)) from ops.builds where version = {{ version }}
    {%- endset -%}
    {%- set began = scalar(first_recorded) -%}
    select
        getMacro('replica') as node,
        'series_days' as part,
        count() as `rows`,
        sum(cityHash64(instrument_id, timeframe, day, version, bars)) as hash
    from {{ on_all_nodes('marts.dq_series_days') }}
    where version > {{ last }} and version <= {{ version }}
    group by node
    union all
    select
        getMacro('replica') as node,
        'audit_results' as part,
        count() as `rows`,
        sum(cityHash64(run, audit, instrument_id, timeframe, toString(range_start), toString(range_end))) as hash
    from {{ on_all_nodes('marts.dq_audit_results') }}
    where run > {{ last }} and run <= {{ version }}
    group by node
    union all
    select
        getMacro('replica') as node,
        'pages' as part,
        count() as `rows`,
        sum(cityHash64(mart, page_id, version)) as hash
    from {{ on_all_nodes('ops.build_pages') }}
    where {{ is_built_between(last, version) }}
    group by node
    union all
    select
        getMacro('replica') as node,
        'coverage' as part,
        count() as `rows`,
        sum(cityHash64(page_id)) as hash
    from {{ on_all_nodes('ops.coverage') }}
    where page_id in (select page_id from ops.build_pages where {{ is_built_between(last, version) }})
    group by node
    union all
    select
        getMacro('replica') as node,
        'quarantine' as part,
        count() as `rows`,
        sum(cityHash64(quarantine_id, action, recorded_at)) as hash
    from {{ on_all_nodes('ops.quarantine') }}
    where recorded_at < toDateTime64('{{ began }}', 6, 'UTC')
    group by node
    union all
    select
        node,
        'builds' as part,
        count() as `rows`,
        sum(cityHash64(version, began)) as hash
    from (
        select getMacro('replica') as node, version, min(recorded_at) as began
        from {{ on_all_nodes('ops.builds') }}
        where version > {{ last }} and version <= {{ version }}
        group by node, version
    )
    group by node
{%- endmacro -%}

{#- Condition on ops.build_pages: processed after version `last`, up to another version. -#}
{%- macro is_built_between(last, version) -%}
    done = 1 and version > {{ last }} and version <= {{ version }}
{%- endmacro -%}

{#- The views that readers use: a node that was down creates them only after its start. -#}
{%- macro view_contents_sql() -%}
    select
        getMacro('replica') as node,
        'views' as part,
        count() as `rows`,
        sum(cityHash64(database, name, as_select)) as hash
    from {{ on_all_nodes('system.tables') }}
    where engine = 'View' and database in ('snaps', 'marts')
    group by node
{%- endmacro -%}

{#- Compares nodes that are not known to have a version with `own`, which has it, and records those that do. Waits up to
    `wait` seconds for a responding node, and up to `session_wait` for one that does not respond and has a session with
    Keeper: it may be cut off from this node alone and serve readers, until its session ends or it has heard of the
    snapshot. Returns the remaining nodes with the reason for each. -#}
{%- macro record_nodes_with_version(version, own, wait, session_wait=0) -%}
    {%- set left = {} -%}
    {%- for node in known_nodes() if recorded_versions().get(node, 0) < version -%}
        {%- do left.update({node: ''}) -%}
    {%- endfor -%}
    {%- set state = namespace(waited=0, pause=1, silent=false) -%}
    {%- for attempt in range(1000) if left -%}
        {%- set recorded = recorded_versions() -%}
        {%- set last = [] -%}
        {%- for node in left -%}{%- do last.append(recorded.get(node, 0)) -%}{%- endfor -%}
        {%- set contents = contents_by_node(last | min if last else version, version) -%}
        {%- set with_session = nodes_with_session() if session_wait else [] -%}
        {%- set state.silent = false -%}
        {%- for node in left.keys() | list -%}
            {%- if node not in contents -%}
                {%- do left.update({node: 'does not answer'}) -%}
                {%- set state.silent = state.silent or node in with_session -%}
            {%- elif contents[node] == contents[own] -%}
                {%- do record_node_version(node, version) -%}
                {%- do left.pop(node) -%}
            {%- else -%}
                {%- do left.update({node: 'lacks rows'}) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set lagging = left.values() | select('equalto', 'lacks rows') | list -%}
        {%- if not (lagging and state.waited < wait) and not (state.silent and state.waited < session_wait) -%}
            {{ return(left) }}
        {%- endif -%}
        {%- for second in range(state.pause) -%}{%- do sleep_one_second() -%}{%- endfor -%}
        {%- set state.waited = state.waited + state.pause -%}
        {%- set state.pause = [state.pause * 2, 10] | min -%}
    {%- endfor -%}
    {{ return(left) }}
{%- endmacro -%}

{%- macro record_node_version(node, version) -%}
    {%- call statement('record_node_version') -%}
        insert into ops.node_versions (node, version) values ('{{ sql_text(node) }}', {{ version }})
    {%- endcall -%}
{%- endmacro -%}

{#- Before a build publishes: records the nodes that have its rows and logs the others. -#}
{%- macro record_nodes_with_this_build() -%}
    {%- if not on_cluster() -%}{{ return('') }}{%- endif -%}
    {%- set own = own_node() -%}
    {%- do record_node_version(own, build_version()) -%}
    {%- set behind = build_facts().get('behind', {}) -%}
    {#- A node that was already behind when the build began is not waited for again. -#}
    {%- set left = record_nodes_with_version(build_version(), own, 2
        if 'lacks rows' in behind.values() else var('replica_wait_seconds') | int,
        session_wait=var('replica_wait_seconds') | int) -%}
    {%- do log_nodes_behind(left, build_version()) -%}
{%- endmacro -%}

{#- Waits until the registry and ops.node_versions have reached the nodes that have the rows. -#}
{%- macro wait_for_registry(registry) -%}
    {%- if not on_cluster() -%}{{ return('') }}{%- endif -%}
    {%- do merge_node_versions() -%}
    {%- set version = build_version() -%}
    {%- set holders = [] -%}
    {%- for node, held_version in recorded_versions().items() if held_version >= version -%}
        {%- do holders.append(node) -%}
    {%- endfor -%}
    {%- set ready_nodes -%}
        select node
        from (
            select node, sum(`rows`) as `rows`
            from (
                select getMacro('replica') as node, count() as `rows`
                from {{ on_all_nodes(registry) }}
                where data_version = {{ version }}
                group by node
                union all
                select getMacro('replica') as node, uniqExact(node, version) as `rows`
                from {{ on_all_nodes('ops.node_versions') }}
                where node = getMacro('replica') and version = {{ version }}
                group by node
            )
            group by node
        )
        where `rows` >= 2
        {{ skip_unavailable_nodes() }}
    {%- endset -%}
    {%- set state = namespace(behind=holders) -%}
    {%- for attempt in range(20) -%}
        {%- set state.behind = holders | reject('in', first_column(ready_nodes)) | list -%}
        {%- if not state.behind -%}{{ return('') }}{%- endif -%}
        {%- do sleep_one_second() -%}
    {%- endfor -%}
    {%- do log(
        'replicas: the registry has not reached ' ~ state.behind | join(', ')
        ~ ' within 20 s: readers there will see the snapshot later', info=true) -%}
{%- endmacro -%}

{#- Records nodes that have caught up with the newest snapshot and logs those that have not. The own rows are compared
    with those of a node that is known to have them or, if none responds, counted against the registry. -#}
{%- macro check_nodes() -%}
    {%- if not on_cluster() -%}{{ return('') }}{%- endif -%}
    {%- set version = last_published_version() -%}
    {%- if version == 0 -%}{{ return('') }}{%- endif -%}
    {%- set own = own_node() -%}
    {%- set recorded = recorded_versions() -%}
    {%- if recorded.get(own, 0) < version -%}
        {%- set contents = contents_by_node(recorded.get(own, 0), version) -%}
        {%- set holders = [] -%}
        {%- for node in contents.keys() if node != own and recorded.get(node, 0) >= version -%}
            {%- do holders.append(node) -%}
        {%- endfor -%}
        {%- set is_whole = (contents[own] == contents[holders[0]]) if holders else has_recorded_row_counts(version) -%}
        {%- if is_whole -%}
            {%- do record_node_version(own, version) -%}
        {%- else -%}
            {%- do record_build_state('failed') if 'version' in build_facts() -%}
            {%- do exceptions.raise_compiler_error(
                'node ' ~ own ~ ' is behind: it does not have every row of data version ' ~ version
                ~ ', the newest snapshot. Nothing was changed. Work on '
                ~ 'another node, or see runbooks/cluster.md, node behind') -%}
        {%- endif -%}
    {%- endif -%}
    {%- set left = record_nodes_with_version(version, own, 0) -%}
    {%- do merge_node_versions() -%}
    {%- do build_facts().update({'behind': left}) -%}
    {%- do log_nodes_behind(left, version) -%}
{%- endmacro -%}

{#- Every view reads this table during planning; with one part that takes a third of the time that five parts take. -#}
{%- macro merge_node_versions() -%}
    {%- do run_query('optimize table ops.node_versions final settings optimize_skip_merged_partitions = 1') -%}
{%- endmacro -%}

{#- Whether this node has as many rows of a version as the registry records. -#}
{%- macro has_recorded_row_counts(version) -%}
    {%- for dataset, info in datasets().items() -%}
        {%- set query -%}
            select
                toString((
                    select count()
                    from marts.{{ info.mart }} final
                    where valid_from_version <= {{ version }} and valid_to_version > {{ version }}
                ) = any(row_counts['{{ dataset }}']))
            from marts.snapshots
            where data_version = {{ version }}
        {%- endset -%}
        {%- if scalar(query) != '1' -%}{{ return(false) }}{%- endif -%}
    {%- endfor -%}
    {{ return(true) }}
{%- endmacro -%}

{%- macro log_nodes_behind(left, version) -%}
    {%- for node, why in left.items() -%}
        {%- do log(
            'replicas: node ' ~ node ~ ' is behind (' ~ why ~ '): readers there get an error instead of data version '
            ~ version
            ~ ' until it has caught up and `mdw cluster check` or the next build has confirmed that', info=true) -%}
    {%- endfor -%}
{%- endmacro -%}
