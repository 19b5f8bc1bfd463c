{#- Stops a publication if the audits failed or did not cover its rows. The edges between the nodes of one `dbt build`
    are not enough: the registry may be run on its own, tests may be excluded, or a run may continue another one. So the
    registry checks what was done to the rows that it is about to publish. -#}
{%- macro refuse_unaudited_rows() -%}
    {%- do refuse_lost_claim() -%}
    {%- do refuse_lost_rows(recorded_nodes(ancestors_of(model.unique_id))) -%}
    {%- set steps = newest_steps() -%}
    {%- do refuse_outdated_steps(steps) -%}
    {%- if not is_proven_import(steps) -%}
        {%- do refuse_pending_decisions(steps) -%}
        {%- do refuse_missing_tests(steps) -%}
        {%- do refuse_findings(steps) -%}
    {%- endif -%}
    {%- do build_facts().update({'may_publish': build_version()}) -%}
{%- endmacro -%}

{#- `why`: what is wrong; `next`: what to do. -#}
{%- macro refuse_publication(why, next) -%}
    {%- do exceptions.raise_compiler_error(
        'snapshot ' ~ snapshot_id() ~ ' is not published: ' ~ why ~ ' ' ~ next
        ~ ' Readers keep the last good snapshot. Runbook: runbooks/build_failed.md') -%}
{%- endmacro -%}

{#- A build that recorded no state for longer than its lease counts as dead, and another one may have changed the marts
    since. -#}
{%- macro refuse_lost_claim() -%}
    {%- do catch_up_own_node() -%}
    {%- set live = live_builds() -%}
    {%- set mine = live | selectattr('invocation_id', 'equalto', invocation_id) | selectattr('state', 'equalto',
        'running') | list -%}
    {%- set others = live | selectattr('state', 'equalto', 'running') | rejectattr('invocation_id', 'equalto',
        invocation_id) | list -%}
    {%- if build_version() == 0 or not mine or others -%}
        {%- do refuse_publication(
            'build ' ~ build_version() ~ ' no longer holds the claim on the marts'
            ~ ((', build ' ~ others[0].version ~ ' of '
            ~ others[0].owner ~ ' does') if others else '') ~ '.', 'Run `dbt build` again.') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Everything between a mart and the registry must have been built after the mart last changed, and after its own
    parents: findings of an earlier run say nothing about rows added since. -#}
{%- macro refuse_outdated_steps(steps) -%}
    {%- set never = {'version': -1, 'outcome': ''} -%}
    {%- set outdated = [] -%}
    {%- for id in recorded_nodes(ancestors_of(model.unique_id))
        if graph.nodes[id].config.materialized != 'versioned' -%}
        {%- set step = steps.get(id, never) -%}
        {%- for parent in recorded_nodes(ancestors_of(id)) if steps.get(parent, never).version > step.version -%}
            {%- do outdated.append(graph.nodes[id].name) if loop.first and step.outcome == 'done' -%}
        {%- endfor -%}
        {%- do outdated.append(graph.nodes[id].name) if step.outcome != 'done' -%}
    {%- endfor -%}
    {%- if outdated -%}
        {%- do refuse_publication(
            'unpublished rows in the marts were not audited: ' ~ outdated | sort | join(', ')
            ~ ' did not run since they last changed.',
            "Run the whole `dbt build --vars '{snapshot_id: " ~ snapshot_id()
            ~ "}'`, without --select or --exclude.") -%}
    {%- endif -%}
{%- endmacro -%}

{#- Quarantines and releases take effect when their mart is built: one recorded since then is not in the rows that would
    be published, and a release that a publication passes over would never bring its rows back. -#}
{%- macro refuse_pending_decisions(steps) -%}
    {%- set pending = [] -%}
    {%- for dataset, info in datasets().items() -%}
        {%- set version = steps.get('model.market_data.' ~ info.mart, {'version': 0}).version -%}
        {%- if version < build_version() -%}
            {%- set decisions -%}
                select count()
                from ops.quarantine
                where
                    dataset = '{{ dataset }}'
                    and recorded_at >= {{ build_began(version) }}
                    and recorded_at < {{ build_began(build_version()) }}
            {%- endset -%}
            {%- do pending.append(dataset) if scalar(decisions) | int -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if pending -%}
        {%- do refuse_publication(
            'quarantines or releases of ' ~ pending | join(', ') ~ ' were recorded since the marts were built.',
            "Run the whole `dbt build --vars '{snapshot_id: " ~ snapshot_id()
            ~ "}'`, without --select or --exclude.") -%}
    {%- endif -%}
{%- endmacro -%}

{#- Tests of severity error on what the registry is made from: `dbt build` would have waited for them. -#}
{%- macro blocking_tests() -%}
    {%- set upstream = ancestors_of(model.unique_id) -%}
    {%- set tests = [] -%}
    {%- for test in graph.nodes.values()
        if test.resource_type == 'test' and (test.config.severity | string | lower) == 'error'
        and test.depends_on.nodes -%}
        {%- do tests.append(test) if not test.depends_on.nodes | reject('in', upstream) | list -%}
    {%- endfor -%}
    {{ return(tests) }}
{%- endmacro -%}

{#- A test that ran in this build has passed, or dbt would have skipped the registry. One that did not run must have
    passed in an earlier build, and its parents must not have changed since. -#}
{%- macro refuse_missing_tests(steps) -%}
    {%- set failed, missing = [], [] -%}
    {%- for test in blocking_tests() | rejectattr('unique_id', 'in', tests_of_this_build()) -%}
        {%- set step = steps.get(test.unique_id, {'version': -1, 'outcome': ''}) -%}
        {%- set parents = recorded_nodes(test.depends_on.nodes) -%}
        {%- set newer = [] -%}
        {%- for parent in parents if steps.get(parent, {'version': 0}).version > step.version -%}
            {%- do newer.append(parent) -%}
        {%- endfor -%}
        {%- if step.version < 0 or newer -%}
            {%- do missing.append(test.name) -%}
        {%- elif step.outcome not in ['pass', 'warn'] -%}
            {%- do failed.append(test.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if failed -%}
        {%- do refuse_publication(
            'tests of severity error failed: ' ~ failed | sort | join(', ') ~ '.',
            'Correct the rows or quarantine them, then run `dbt build`.') -%}
    {%- elif missing -%}
        {%- do refuse_publication(
            (missing | length) ~ ' tests of severity error did not run since the marts last changed ('
            ~ (missing | sort)[:5] | join(', ')
            ~ (', …' if missing | length > 5 else '') ~ ').',
            "`dbt run` does not test: run the whole `dbt build --vars '{snapshot_id: " ~ snapshot_id()
            ~ "}'`, without --select or --exclude.") -%}
    {%- endif -%}
{%- endmacro -%}

{#- Checks the findings themselves, regardless of the tests on them; and every audit must have reported. -#}
{%- macro refuse_findings(steps) -%}
    {%- set run = steps['model.market_data.dq_audit_results'].version -%}
    {%- set query -%}
        select audit, toString(countIf(severity = 'error')), toString(sumIf(`rows`, severity = 'error'))
        from {{ ref('dq_audit_results') }}
        where run = {{ run }}
        group by audit
        order by audit
    {%- endset -%}
    {%- set errors, reported = [], [] -%}
    {%- for row in run_query(query) -%}
        {%- do reported.append(row[0]) -%}
        {%- do errors.append(row[0] ~ ' (' ~ row[2] ~ ' rows)') if row[1] | int -%}
    {%- endfor -%}
    {%- set silent = audits().keys() | reject('in', reported) | list -%}
    {%- if errors -%}
        {%- do refuse_publication(
            'audits of severity error found bad rows in run ' ~ run ~ ': ' ~ errors | join(', ') ~ '.',
            'Fetch the rows again, or withhold them (`mdw audit --quarantine`), then run `dbt build`: '
            ~ 'runbooks/audits.md.') -%}
    {%- elif silent -%}
        {%- do refuse_publication(
            'audits left no result in run ' ~ run ~ ': ' ~ silent | sort | join(', ') ~ '.',
            'Run the whole `dbt build`.') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Rows of an Iceberg export were audited before their first publication and are verified by its manifest
    (warehouse/iceberg/restore.py). Valid only in the build of that version, and only while no build has changed a mart.
    -#}
{%- macro is_proven_import(steps) -%}
    {%- set proof = steps.get('import of ' ~ snapshot_id(), {}) -%}
    {%- set changed = [] -%}
    {%- for id in recorded_nodes(ancestors_of(model.unique_id))
        if graph.nodes[id].config.materialized == 'versioned'
            and id in steps -%}{%- do changed.append(id) -%}{%- endfor -%}
    {{ return(proof.get('outcome') == 'proven' and proof.version == build_version() and last_published_version() == 0
        and not changed) }}
{%- endmacro -%}

{#- A run that compares the code with another state (slim CI) only checks models; it never publishes. -#}
{%- macro only_checks_code() -%}
    {%- set given = [] -%}
    {%- for name in ['defer', 'favor_state', 'state', 'defer_state'] if invocation_args_dict.get(name) -%}
        {%- do given.append(name) -%}
    {%- endfor -%}
    {{ return(given | length > 0) }}
{%- endmacro -%}
