{#- Claims the next build number; see ops.builds. Two phases, so that of two builds that start together
    at most one goes on: each writes its claim before it looks at the claims of others. -#}
{%- macro begin_build() -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do snapshot_id() -%}
        {%- do abandon_dead_builds() -%}
        {%- do refuse_if_running() -%}
        {%- do run_query(
            "insert into ops.builds (version, invocation_id, state, owner) select max(version) + 1, '"
            ~ invocation_id ~ "', 'claiming', '" ~ sql_text(build_owner()) ~ "' from ops.builds") -%}
        {%- do settle_claim() -%}
        {%- do record_build_state('running') -%}
        {%- do log('build ' ~ build_version() ~ ' of ' ~ build_owner(), info=true) -%}
    {%- endif -%}
{%- endmacro -%}

{#- Waits for claims made in the same moment. The one with the lower invocation id goes on. -#}
{%- macro settle_claim() -%}
    {%- for attempt in range(20) -%}
        {%- set others = live_builds() | rejectattr('invocation_id', 'equalto', invocation_id) | list -%}
        {%- for other in others -%}
            {%- if other.state == 'running' or other.invocation_id < invocation_id -%}
                {%- do record_build_state('withdrawn') -%}
                {%- do refuse(other) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not others -%}{{ return('') }}{%- endif -%}
        {%- do run_query('select sleep(1)') -%}
    {%- endfor -%}
    {%- do record_build_state('withdrawn') -%}
    {%- do refuse((live_builds() | rejectattr('invocation_id', 'equalto', invocation_id) | list)[0]) -%}
{%- endmacro -%}

{%- macro refuse_if_running() -%}
    {%- for build in live_builds() -%}
        {%- if build.state == 'running' -%}{%- do refuse(build) -%}{%- endif -%}
    {%- endfor -%}
{%- endmacro -%}

{%- macro refuse(build) -%}
    {%- do exceptions.raise_compiler_error(
        'build ' ~ build.version ~ ' of ' ~ build.owner ~ ' is running since ' ~ build.started_at ~ ' UTC (last sign of life '
        ~ build.seen_at ~ '). One build at a time gives versions their order: wait for it, or, if its process is dead, '
        ~ "run again after " ~ var('build_lease_minutes') ~ " minutes or with --vars '{break_claims_of: \"" ~ build.owner ~ "\"}'.") -%}
{%- endmacro -%}

{#- Claims without a sign of life within the lease, or of an owner known to be dead, stop counting. -#}
{%- macro abandon_dead_builds() -%}
    {%- set dead_owner = sql_text(var('break_claims_of')) -%}
    {%- do run_query(
        "insert into ops.builds (version, invocation_id, state, owner) select version, invocation_id, 'abandoned', owner from ("
        ~ build_states_sql() ~ ") where state in ('claiming', 'running') and (owner = '" ~ dead_owner
        ~ "' or seen_at < now64(6, 'UTC') - toIntervalMinute(" ~ (var('build_lease_minutes') | int) ~ "))") -%}
{%- endmacro -%}
