{#- Before a build on a cluster changes anything, this node must be able to write and must have everything that Keeper
    lists as written: a build decides from this node's data which pages are done and which rows are open. -#}
{%- macro catch_up_own_node() -%}
    {%- if not on_cluster() -%}{{ return('') }}{%- endif -%}
    {%- do refuse_nodes_without_tables() -%}
    {%- set node = own_node() -%}
    {%- set read_only_tables -%}
        select count() from system.replicas where is_readonly and {{ is_own_table() }}
    {%- endset -%}
    {%- set wait = var('replica_wait_seconds') | int -%}
    {%- for attempt in range(wait + 1) -%}
        {%- if scalar(read_only_tables) | int -%}
            {%- if loop.last -%}
                {%- do exceptions.raise_compiler_error(
                    'node ' ~ node
                    ~ ' cannot write: it has no session with Keeper, and its replicated tables are read-only. Readers '
                    ~ 'are not affected. Nothing was changed. Next step: runbooks/cluster.md, Keeper lost') -%}
            {%- endif -%}
        {%- else -%}
            {#- Pulls Keeper's log without waiting for the parts to be fetched. For a table without entries both numbers
                are 0. -#}
            {%- for table in first_column(tables_to_pull_sql()) -%}
                {%- call statement('pull') -%}
                    system sync replica {{ table }} pull
                {%- endcall -%}
            {%- endfor -%}
            {%- set missing = first_column(tables_with_missing_parts_sql()) -%}
            {%- if not missing -%}
                {#- Once more, with a read from Keeper that is ordered after everything committed before. -#}
                {%- do run_query('system sync replica ops.builds lightweight') -%}
                {{ return('') }}
            {%- endif -%}
            {%- if loop.last -%}
                {%- do exceptions.raise_compiler_error(
                    'node ' ~ node ~ ' is behind: it lacks rows of ' ~ missing | join(', ')
                    ~ ' that were written on another node, and could not fetch them within ' ~ wait
                    ~ ' s. A build here would work with outdated rows. Nothing was changed. Build on a node that is '
                    ~ 'not behind, or see runbooks/cluster.md, node behind') -%}
            {%- endif -%}
        {%- endif -%}
        {%- do sleep_one_second() -%}
    {%- endfor -%}
{%- endmacro -%}

{#- Condition on system tables: a table of the warehouse. -#}
{%- macro is_own_table() -%}
    database in ('ops', 'staging', 'marts', 'snaps')
{%- endmacro -%}

{%- macro tables_to_pull_sql() -%}
    select concat(database, '.', table)
    from system.replicas
    where log_pointer <= log_max_index and {{ is_own_table() }}
    order by 1
{%- endmacro -%}

{%- macro tables_with_missing_parts_sql() -%}
    select distinct name
    from (
        select concat(database, '.', table) as name
        from system.replicas
        where log_pointer <= log_max_index and log_max_index > 0 and {{ is_own_table() }}
        union all
        select concat(database, '.', table) as name
        from system.replication_queue
        where type in ('GET_PART', 'ATTACH_PART', 'REPLACE_RANGE', 'DROP_RANGE') and {{ is_own_table() }}
    )
    order by name
{%- endmacro -%}

{#- A node that answers and is empty, since it replaced another one, or came back without its disk. `create table if not
    exists … on cluster` would make tables there that share nothing with those of the other nodes. -#}
{%- macro refuse_nodes_without_tables() -%}
    {%- set nodes_without_tables -%}
        select node
        from (
            select getMacro('replica') as node, count() as tables
            from {{ on_all_nodes('system.tables') }}
            where database = 'ops' and name = 'builds'
            group by node
            union all
            select getMacro('replica') as node, toUInt64(0) as tables
            from {{ on_all_nodes('system.one') }}
        )
        group by node
        having sum(tables) = 0
        {{ skip_unavailable_nodes() }}
    {%- endset -%}
    {%- set empty = first_column(nodes_without_tables) -%}
    {%- if empty -%}
        {%- do exceptions.raise_compiler_error(
            'node ' ~ empty | join(', ') ~ ' is up and has no tables. Nothing was changed. Run `mdw cluster add-node` '
            ~ 'with MDW_CLICKHOUSE_URL of that node, or stop it: builds go on without a node that is down '
            ~ '(runbooks/cluster.md, new, empty node)') -%}
    {%- endif -%}
{%- endmacro -%}
