{#- Claims the next build number; see ops.builds. It has two phases, so that at most one of two simultaneous builds
    continues: each writes its claim before it reads the claims of others. -#}
{%- macro begin_build() -%}
    {%- do refuse_other_topology() if execute -%}
    {%- do refuse_other_migrations() if execute -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do refuse_dropped_id(snapshot_id()) -%}
        {%- do claim_build() -%}
    {%- endif -%}
{%- endmacro -%}

{#- Claims a build, after waiting for others for at most var build_wait_seconds. -#}
{%- macro claim_build() -%}
    {%- do refuse_other_topology() -%}
    {%- do refuse_partial_rows() -%}
    {%- do refuse_other_datasets() -%}
    {%- do catch_up_own_node() -%}
    {%- for attempt in range(run_var('build_wait_seconds') | int + 1) -%}
        {%- do abandon_dead_builds() -%}
        {%- set running = live_builds() | selectattr('state', 'equalto', 'running') | list -%}
        {%- set blocker = running[0] if running else try_claim() -%}
        {%- if not blocker -%}
            {%- do record_build_state('running') -%}
            {%- do build_facts().update({'version': build_version(), 'published': last_published_version()}) -%}
            {%- do check_nodes() -%}
            {%- do log('build ' ~ build_version() ~ ' of ' ~ build_owner(), info=true) -%}
            {{ return('') }}
        {%- endif -%}
        {%- do refuse_second_build(blocker) if loop.last -%}
        {%- do sleep_one_second() -%}
        {%- do catch_up_own_node() -%}
    {%- endfor -%}
{%- endmacro -%}

{#- On a cluster, Keeper remembers the token of an insert through any node, and the second of two inserts with the same
    token adds nothing. So the build whose row exists owns the version, even if nodes do not yet see each other's rows.
    Called right after catch_up_own_node, so that no version assigned long ago is tried again. Returns the build that
    was first, or none. -#}
{%- macro try_claim_on_cluster() -%}
    {%- set others = live_builds() | rejectattr('invocation_id', 'equalto', invocation_id) | list -%}
    {%- if others -%}{{ return(others[0]) }}{%- endif -%}
    {%- set version = scalar('select toString(max(version) + 1) from ops.builds') -%}
    {%- set claim -%}
        insert into ops.builds (version, invocation_id, state, owner)
        settings deduplicate_insert = 'enable', insert_deduplication_token = 'claim of version {{ version }}'
        values ({{ version }}, '{{ invocation_id }}', 'claiming', '{{ sql_text(build_owner()) }}')
    {%- endset -%}
    {%- set own_claims -%}
        select count() from ops.builds where version = {{ version }} and invocation_id = '{{ invocation_id }}'
    {%- endset -%}
    {%- do run_query(claim) -%}
    {%- if scalar(own_claims) | int -%}{{ return(none) }}{%- endif -%}
    {{ return({
        'version': version, 'invocation_id': '', 'state': 'claiming', 'owner': 'another node',
        'started_at': 'this moment', 'seen_at': 'now'}) }}
{%- endmacro -%}

{#- Writes a claim and waits for simultaneous claims: the one with the lower invocation id continues. Returns the build
    that was first, or none. -#}
{%- macro try_claim() -%}
    {%- if on_cluster() -%}{{ return(try_claim_on_cluster()) }}{%- endif -%}
    {%- set claim -%}
        insert into ops.builds (version, invocation_id, state, owner)
        select max(version) + 1, '{{ invocation_id }}', 'claiming', '{{ sql_text(build_owner()) }}' from ops.builds
    {%- endset -%}
    {%- do run_query(claim) -%}
    {%- for attempt in range(20) -%}
        {%- set others = live_builds() | rejectattr('invocation_id', 'equalto', invocation_id) | list -%}
        {%- if not others -%}{{ return(none) }}{%- endif -%}
        {%- for other in others -%}
            {%- if other.state == 'running' or other.invocation_id < invocation_id or attempt == 19 -%}
                {%- do record_build_state('withdrawn') -%}
                {{ return(other) }}
            {%- endif -%}
        {%- endfor -%}
        {%- do sleep_one_second() -%}
    {%- endfor -%}
{%- endmacro -%}

{#- The id of a dropped snapshot would otherwise show different rows than before. -#}
{%- macro refuse_dropped_id(id) -%}
    {%- set dropped_at -%}
        select toString(max(recorded_at))
        from ops.snapshot_events
        where event = 'dropped' and snapshot_id = '{{ id }}'
        having count() > 0
    {%- endset -%}
    {%- set dropped = first_column(dropped_at) -%}
    {%- if dropped -%}
        {%- do exceptions.raise_compiler_error(
            'snapshot ' ~ id ~ ' was dropped at ' ~ dropped[0]
            ~ ' UTC. A name is never used for other rows: choose another one. '
            ~ 'Nothing was changed.') -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro refuse_second_build(build) -%}
    {%- do exceptions.raise_compiler_error(
        'build ' ~ build.version ~ ' of ' ~ build.owner ~ ' has been running since ' ~ build.started_at
        ~ ' UTC (last state recorded ' ~ build.seen_at
        ~ '). Builds run one at a time so that versions are ordered: wait for it, or, if its process is dead, '
        ~ "run again after " ~ var('build_lease_minutes') ~ " minutes or with --vars '{break_claims_of: \""
        ~ build.owner ~ "\"}'.") -%}
{%- endmacro -%}

{#- Marks claims as abandoned that recorded no state within the lease, or whose owner is known to be dead. -#}
{%- macro abandon_dead_builds() -%}
    {%- set abandon -%}
        insert into ops.builds (version, invocation_id, state, owner)
        select version, invocation_id, 'abandoned', owner
        from ({{ build_states_sql() }})
        where
            state in ('claiming', 'running')
            and (
                owner = '{{ sql_text(run_var('break_claims_of')) }}'
                or seen_at < now64(6, 'UTC') - toIntervalMinute({{ var('build_lease_minutes') | int }})
            )
    {%- endset -%}
    {%- do run_query(abandon) -%}
{%- endmacro -%}
