{#- Records a step of this build. A mart is `begun` before its first row changes, so that a build that dies midway is
    known to have changed it; models that audit or aggregate rows are `done` once complete. -#}
{%- macro record_step(outcome, node=none) -%}
    {%- do record_steps([{'node': node or model.unique_id, 'outcome': outcome}]) -%}
{%- endmacro -%}

{%- macro record_steps(steps) -%}
    {%- set query -%}
        insert into ops.build_steps (version, node, outcome)
        values
        {%- for step in steps %}
        ({{ build_version() }}, '{{ sql_text(step.node) }}', '{{ step.outcome }}'){{ ',' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- do run_query(query) if steps -%}
{%- endmacro -%}

{#- Records how the tests of this run ended, for later runs that continue it (`dbt retry`). -#}
{%- macro record_tests(results) -%}
    {%- set steps = [] -%}
    {%- for result in results
        if result.node and result.node.resource_type == 'test'
        and result.status in ['pass', 'warn', 'fail', 'error'] -%}
        {%- do steps.append({'node': result.node.unique_id, 'outcome': result.status | string}) -%}
    {%- endfor -%}
    {%- do record_steps(steps) -%}
{%- endmacro -%}

{#- dbt's macro for the query of a test, overridden to record that the test runs in this build. dbt's selected_resources
    cannot be used: `dbt retry` leaves it as the previous command set it. -#}
{%- macro clickhouse__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {#- Qualified by package, because tests of other packages also call this and do not see our macros. -#}
    {%- do market_data.tests_of_this_build().update({model.unique_id: true}) -%}
    {{ dbt.clickhouse__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro -%}

{#- Unique ids of the tests that have run so far, as keys. -#}
{%- macro tests_of_this_build() -%}
    {{ return(market_data.build_facts().setdefault('tests', {})) }}
{%- endmacro -%}

{#- The newest step of each node: unique id → {version, outcome}. -#}
{%- macro newest_steps() -%}
    {%- set steps = {} -%}
    {%- set query -%}
        select node, toString(max(version)), argMax(outcome, tuple(version, recorded_at))
        from ops.build_steps
        group by node
    {%- endset -%}
    {%- for row in run_query(query) -%}
        {%- do steps.update({row[0]: {'version': row[1] | int, 'outcome': row[2]}}) -%}
    {%- endfor -%}
    {{ return(steps) }}
{%- endmacro -%}

{#- Unique ids of all ancestors of a node. -#}
{%- macro ancestors_of(node_id) -%}
    {%- set known = build_facts().setdefault('ancestors', {}) -%}
    {%- if node_id not in known -%}
        {%- set found = {} -%}
        {%- for parent in graph.nodes.get(node_id, {}).get('depends_on', {}).get('nodes', []) if parent != node_id -%}
            {%- do found.update({parent: true}) -%}
            {%- for ancestor in ancestors_of(parent) -%}{%- do found.update({ancestor: true}) -%}{%- endfor -%}
        {%- endfor -%}
        {%- do known.update({node_id: found.keys() | list}) -%}
    {%- endif -%}
    {{ return(known[node_id]) }}
{%- endmacro -%}

{#- Those of the nodes whose materialization records its steps: marts (`versioned`) and what is derived from them. -#}
{%- macro recorded_nodes(node_ids) -%}
    {%- set found = [] -%}
    {%- for id in node_ids
        if graph.nodes.get(id, {}).get('config', {}).get('materialized') in ['versioned', 'work_table',
        'append_log'] -%}
        {%- do found.append(id) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro -%}
