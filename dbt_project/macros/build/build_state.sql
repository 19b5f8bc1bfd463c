{#- One row per build: its newest state, when it started and when it last recorded a state. -#}
{%- macro build_states_sql() -%}
    select
        version,
        invocation_id,
        argMax(builds.state, recorded_at) as state,
        any(builds.owner) as owner,
        min(recorded_at) as started_at,
        max(recorded_at) as seen_at
    from ops.builds as builds
    group by version, invocation_id
{%- endmacro -%}

{#- Claiming or running builds, oldest first, as a list of dictionaries. -#}
{%- macro live_builds() -%}
    {%- set query -%}
        select
            toString(version) as version,
            invocation_id,
            state,
            owner,
            toString(started_at) as started_at,
            toString(seen_at) as seen_at
        from ({{ build_states_sql() }}) as builds
        where state in ('claiming', 'running')
        order by builds.started_at
    {%- endset -%}
    {%- set builds = [] -%}
    {%- for row in run_query(query) -%}
        {%- do builds.append({
            'version': row[0], 'invocation_id': row[1], 'state': row[2],
            'owner': row[3], 'started_at': row[4], 'seen_at': row[5]}) -%}
    {%- endfor -%}
    {{ return(builds) }}
{%- endmacro -%}

{#- Records a state of this run; recording the same state again shows that it is alive. -#}
{%- macro record_build_state(state) -%}
    {%- set query -%}
        insert into ops.builds (version, invocation_id, state, owner)
        select version, invocation_id, '{{ state }}', any(owner)
        from ops.builds
        where invocation_id = '{{ invocation_id }}' and version = {{ build_version() }}
        group by version, invocation_id
    {%- endset -%}
    {%- do run_query(query) -%}
{%- endmacro -%}

{#- Facts that cannot change while this run holds its claim, queried once instead of in every model. `graph` is the only
    place in dbt that persists between nodes; runs in one process may share it, so each run has its own entry. -#}
{%- macro build_facts() -%}
    {{ return(graph.setdefault('market_data_builds', {}).setdefault(invocation_id, {})) }}
{%- endmacro -%}

{#- Number of the running build; 0 if this run has no claim (compile, test, docs). -#}
{%- macro build_version() -%}
    {%- if not execute -%}{{ return(0) }}{%- endif -%}
    {%- if 'version' in build_facts() -%}{{ return(build_facts()['version']) }}{%- endif -%}
    {%- set query -%}
        select max(version) from ops.builds where invocation_id = '{{ invocation_id }}'
    {%- endset -%}
    {{ return(scalar(query) | int) }}
{%- endmacro -%}

{%- macro build_owner() -%}
    {{ return(run_var('build_owner') or target.user) }}
{%- endmacro -%}
