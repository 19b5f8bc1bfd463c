{#- One row a build: its newest state, when it started and when it was last heard of. -#}
{%- macro build_states_sql() -%}
    select
        version, invocation_id, argMax(builds.state, recorded_at) as state, any(builds.owner) as owner,
        min(recorded_at) as started_at, max(recorded_at) as seen_at
    from ops.builds as builds
    group by version, invocation_id
{%- endmacro -%}

{#- Builds that claim or run, oldest first, as a list of dictionaries. -#}
{%- macro live_builds() -%}
    {%- set rows = run_query(
        "select toString(version) as version, invocation_id, state, owner, toString(started_at) as started_at, "
        ~ "toString(seen_at) as seen_at from (" ~ build_states_sql()
        ~ ") as builds where state in ('claiming', 'running') order by builds.started_at") -%}
    {%- set builds = [] -%}
    {%- for row in rows -%}
        {%- do builds.append({
            'version': row[0], 'invocation_id': row[1], 'state': row[2],
            'owner': row[3], 'started_at': row[4], 'seen_at': row[5]}) -%}
    {%- endfor -%}
    {{ return(builds) }}
{%- endmacro -%}

{#- Writes a row for this run; the same state again is a sign of life. -#}
{%- macro record_build_state(state) -%}
    {%- do run_query(
        "insert into ops.builds (version, invocation_id, state, owner) select version, invocation_id, '" ~ state
        ~ "', any(owner) from ops.builds where invocation_id = '" ~ invocation_id ~ "' and version = " ~ build_version()
        ~ " group by version, invocation_id") -%}
{%- endmacro -%}

{#- What cannot change while this run has its claim, asked once instead of in every model. dbt has no other place that
    lasts from node to node than `graph`; runs of one process may share it, so they are kept apart. -#}
{%- macro build_facts() -%}
    {{ return(graph.setdefault('market_data_builds', {}).setdefault(invocation_id, {})) }}
{%- endmacro -%}

{#- Number of the running build; 0 where this run claimed none (compile, test, docs). -#}
{%- macro build_version() -%}
    {%- if not execute -%}{{ return(0) }}{%- endif -%}
    {%- if 'version' in build_facts() -%}{{ return(build_facts()['version']) }}{%- endif -%}
    {%- set rows = run_query("select max(version) from ops.builds where invocation_id = '" ~ invocation_id ~ "'") -%}
    {{ return(rows.rows[0][0] | int) }}
{%- endmacro -%}

{%- macro build_owner() -%}
    {{ return(of_this_run('build_owner') or target.user) }}
{%- endmacro -%}
