{#- The Merge table over the member views of a dataset. Its snapshot_id is the member's name without the prefix, with
    low cardinality because the server checks it for each row of a member. -#}
{%- macro create_merge_table(dataset) -%}
    {%- set columns = [] -%}
    {%- set defaults = [] -%}
    {%- for name, type in published_columns(dataset) -%}
        {%- do columns.append(name ~ ' ' ~ type) -%}
        {%- do defaults.append(default_of(type) ~ ' as ' ~ name) -%}
    {%- endfor -%}
    {%- do run_query(
        "create or replace table snaps." ~ dataset ~ on_cluster() ~ " (" ~ columns | join(', ')
        ~ ", snapshot_id LowCardinality(String) alias substring(_table, " ~ (dataset | length + 2)
        ~ ")) engine = Merge('snaps', '^" ~ dataset ~ "_')") -%}
    {%- do create_unpinned_guard(dataset, defaults) -%}
    {%- do run_query(
        'create table if not exists snaps.archived' ~ on_cluster() ~ ' (snapshot_id String) engine = ' ~ log_engine()
        ~ ' order by snapshot_id') -%}
{%- endmacro -%}

{#- Names and types of the columns in published_rows of a dataset, in order. -#}
{%- macro published_columns(dataset) -%}
    {%- set columns = [] -%}
    {%- for row in run_query('describe table (' ~ published_rows(dataset, 0) ~ ')') -%}
        {%- do columns.append((row[0], row[1])) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro -%}

{#- A member that no condition on snapshot_id selects. A query without a snapshot by a user with a row limit stops here
    during planning; without a limit the member has no rows. -#}
{%- macro create_unpinned_guard(dataset, defaults) -%}
    {%- do run_query(
        'create or replace view snaps.`' ~ dataset ~ '_' ~ unpinned_id() ~ '`' ~ on_cluster() ~ ' as select '
        ~ defaults | join(', ')
        ~ " from system.one where (select throwIf(getSetting('max_rows_to_read') > 0, 'filter by a snapshot_id, "
        ~ "otherwise every snapshot is read: v_" ~ dataset ~ " where snapshot_id = \\'X\\', or v_" ~ dataset
        ~ "_at(snapshot_id = \\'X\\'); marts.v_snapshots lists them'))") -%}
{%- endmacro -%}

{#- No snapshot can have this id, and it sorts before all ids. -#}
{%- macro unpinned_id() -%}
    {{ return('(unpinned)') }}
{%- endmacro -%}

{%- macro default_of(type) -%}
    {{ return("cast(defaultValueOfTypeName('" ~ sql_text(type) ~ "') as " ~ type ~ ")") }}
{%- endmacro -%}

{#- Only for a version that is published or that this build may publish: v_* shows everything that has a member view.
    -#}
{%- macro create_member_view(dataset, id, version, rules) -%}
    {%- if build_facts().get('may_publish') != version -%}
        {%- set registry = generate_schema_name('marts', none) | trim ~ '.snapshots' -%}
        {%- if not run_query(
            "select 1 from " ~ registry ~ " where snapshot_id = '" ~ sql_text(id) ~ "' and data_version = "
            ~ (version | int) ~ ' and rules = ' ~ (rules | int)).rows -%}
            {%- do exceptions.raise_compiler_error(
                'there is no snapshot ' ~ id ~ ' of data version ' ~ version ~ ' and rules ' ~ rules
                ~ '. `dbt build` publishes one once its audits pass. Nothing was changed.') -%}
        {%- endif -%}
    {%- endif -%}
    {%- do run_query(
        'create or replace view snaps.`' ~ dataset ~ '_' ~ id ~ '`' ~ on_cluster() ~ ' as '
        ~ published_rows(dataset, version, rules=rules, guard=and_held(version))) -%}
{%- endmacro -%}

{#- Only of a snapshot that was dropped or archived before: v_* would answer for any other one with no rows. -#}
{%- macro drop_member_view(dataset, id) -%}
    {%- set registry = generate_schema_name('marts', none) | trim ~ '.snapshots' -%}
    {%- if run_query(
        "select 1 from " ~ registry ~ " where snapshot_id = '" ~ sql_text(id)
        ~ "' and snapshot_id not in (select snapshot_id from snaps.archived)").rows -%}
        {%- do exceptions.raise_compiler_error(
            'v_' ~ dataset ~ ' shows snapshot ' ~ id ~ ": use `mdw snapshot drop`. Nothing was changed.") -%}
    {%- endif -%}
    {%- do run_query('drop view if exists snaps.`' ~ dataset ~ '_' ~ id ~ '`' ~ on_cluster()) -%}
{%- endmacro -%}

{#- Published ids that have member views: the newest ones, the newest named by people, and the protected ones. Planning
    a read of the Merge table takes longer with each member, so their number is limited (var live_pins); an archived id
    is read through v_*_at. -#}
{%- macro live_ids_sql(registry) -%}
    {%- set newest = 'order by data_version desc limit ' ~ (var('live_pins') | int) -%}
    select snapshot_id from (select snapshot_id from {{ registry }} {{ newest }})
    union distinct
    select snapshot_id from (
        select snapshot_id from {{ registry }}
        where not match(snapshot_id, '{{ sql_text(var('unnamed_pins')) }}') {{ newest }}
    )
    union distinct
    {{ protected_ids_sql() }}
{%- endmacro -%}

{%- macro protected_ids_sql() -%}
    select snapshot_id from ops.snapshot_events where event in ('protected', 'unprotected')
    group by snapshot_id having argMax(event, recorded_at) = 'protected'
{%- endmacro -%}

{#- Whether every v_* was built with the branch that stops at archived ids. -#}
{%- macro readers_stop_at_archived() -%}
    {%- set views = [] -%}
    {%- for dataset in datasets() -%}{%- do views.append("'v_" ~ dataset ~ "'") -%}{%- endfor -%}
    {%- set stopping = run_query(
        "select count() from system.tables where database = '" ~ generate_schema_name('marts', none) | trim
        ~ "' and name in (" ~ views | join(', ')
        ~ ") and position(as_select, 'snaps.archived') > 0").rows[0][0] | int -%}
    {{ return(stopping == views | length) }}
{%- endmacro -%}

{#- Query of the member views that have the current columns of the reader views. One created before a column was added
    would show the type's default even if the mart has a value. -#}
{%- macro views_as_published(dataset) -%}
    {%- set columns = [] -%}
    {%- for name, type in published_columns(dataset) -%}
        {%- do columns.append("('" ~ name ~ "', '" ~ sql_text(type) ~ "')") -%}
    {%- endfor -%}
    select table from (
        select table, name, type from system.columns
        where database = 'snaps' and startsWith(table, '{{ dataset }}_')
        order by table, position
    )
    group by table having groupArray((name, type)) = [{{ columns | join(', ') }}]
{%- endmacro -%}

{#- Reconciles the member views with the registry, also after a publication or drop that died midway. At no time does an
    id return no rows where it should return some: an id is marked as archived before its views are dropped, and
    unmarked after they are created. On a cluster, every node must have the mark, or the views, before: what a node has
    not fetched yet waits for the next build. As long as a v_* does not stop at archived ids, all ids stay live; the build
    then recreates it. -#}
{%- macro reconcile_member_views(registry) -%}
    {%- set live = live_ids_sql(registry) if readers_stop_at_archived() else 'select snapshot_id from ' ~ registry -%}
    {%- do run_query(
        'insert into snaps.archived select snapshot_id from ' ~ registry ~ ' where snapshot_id not in (' ~ live
        ~ ') and snapshot_id not in (select snapshot_id from snaps.archived)') -%}
    {%- set kept = not_marked_on_every_node(registry) -%}
    {%- for dataset in datasets() -%}
        {%- set id = 'substring(name, ' ~ (dataset | length + 2) ~ ')' -%}
        {%- set superfluous = run_query(
            "select " ~ id ~ " from system.tables where database = 'snaps' and startsWith(name, '" ~ dataset
            ~ "_') and " ~ id
            ~ " != '" ~ unpinned_id() ~ "' and " ~ id ~ " not in (select snapshot_id from " ~ registry
            ~ " where snapshot_id in (" ~ live ~ "))").rows | map('first') -%}
        {%- for name in superfluous | reject('in', kept) -%}{%- do drop_member_view(dataset, name) -%}{%- endfor -%}
        {%- set missing = run_query(
            "select snapshot_id, data_version, rules from " ~ registry ~ " where snapshot_id in (" ~ live
            ~ ") and concat('" ~ dataset
            ~ "_', snapshot_id) not in (" ~ views_as_published(dataset) ~ ")") -%}
        {%- for row in missing -%}{%- do create_member_view(dataset, row[0], row[1], row[2] | int) -%}{%- endfor -%}
    {%- endfor -%}
    {%- set outdated = 'snapshot_id in (' ~ live ~ ') or snapshot_id not in (select snapshot_id from ' ~ registry
        ~ ')' -%}
    {%- set marked = run_query('select distinct snapshot_id from snaps.archived where ' ~ outdated
        ).rows | map('first') | list -%}
    {%- set unmarked = [] -%}
    {%- for name in marked | reject('in', without_views_on_a_node(registry) if marked else []) -%}
        {%- do unmarked.append("'" ~ sql_text(name) ~ "'") -%}
    {%- endfor -%}
    {%- if unmarked -%}
        {%- do run_query('alter table snaps.archived delete where snapshot_id in (' ~ unmarked | join(', ')
            ~ ') settings mutations_sync = 1') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Ids whose mark as archived a node of a cluster may not have: without it and without their views, v_* would show no
    rows of them there. -#}
{%- macro not_marked_on_every_node(registry) -%}
    {%- if not on_cluster() -%}{{ return([]) }}{%- endif -%}
    {{ return(run_query(
        'select snapshot_id from ' ~ registry ~ ' where snapshot_id not in (select snapshot_id from (select '
        ~ "getMacro('replica') as node, snapshot_id from " ~ of_all_nodes('snaps.archived')
        ~ ') group by snapshot_id having uniqExact(node) >= ' ~ known_nodes() | length ~ ')' ~ of_those_that_answer()
        ).rows | map('first') | list) }}
{%- endmacro -%}

{#- Ids that a node that answers has no views of. -#}
{%- macro without_views_on_a_node(registry) -%}
    {%- if not on_cluster() -%}{{ return([]) }}{%- endif -%}
    {%- set names = [] -%}
    {%- for dataset in datasets() -%}{%- do names.append("'" ~ dataset ~ "'") -%}{%- endfor -%}
    {{ return(run_query(
        "select snapshot_id from (select snapshot_id, concat(arrayJoin([" ~ names | join(', ')
        ~ "]), '_', snapshot_id) as name from " ~ registry ~ ') where name not in (select name from '
        ~ of_all_nodes('system.tables') ~ " where database = 'snaps' group by name having count() = (select count() from "
        ~ of_all_nodes('system.one') ~ '))' ~ of_those_that_answer()).rows | map('first') | list) }}
{%- endmacro -%}
