{#- The Merge table over the member views of a dataset. Its snapshot_id is the member's name without the prefix, with
    low cardinality because the server checks it for each row of a member. -#}
{%- macro create_merge_table(dataset) -%}
    {%- set columns = published_columns(dataset) -%}
    {%- call statement('create_merge_table') -%}
        create or replace table snaps.{{ dataset }}{{ on_cluster() }} (
            {%- for name, type in columns %}
            {{ name }} {{ type }},
            {%- endfor %}
            snapshot_id LowCardinality(String) alias substring(_table, {{ dataset | length + 2 }})
        )
        engine = Merge('snaps', '^{{ dataset }}_')
    {%- endcall -%}
    {%- do create_unpinned_guard(dataset, columns) -%}
    {%- call statement('create_archived') -%}
        create table if not exists snaps.archived{{ on_cluster() }} (snapshot_id String)
        engine = {{ log_engine() }}
        order by snapshot_id
    {%- endcall -%}
{%- endmacro -%}

{#- Names and types of the columns in published_rows of a dataset, in order. -#}
{%- macro published_columns(dataset) -%}
    {%- set query -%}
        describe table (
            {{ published_rows(dataset, 0) }}
        )
    {%- endset -%}
    {%- set columns = [] -%}
    {%- for row in run_query(query) -%}{%- do columns.append((row[0], row[1])) -%}{%- endfor -%}
    {{ return(columns) }}
{%- endmacro -%}

{#- A member that no condition on snapshot_id selects. A query without a snapshot by a user with a row limit stops here
    during planning; without a limit the member has no rows. -#}
{%- macro create_unpinned_guard(dataset, columns) -%}
    {%- set message = 'filter by a snapshot_id, otherwise every snapshot is read: v_' ~ dataset
        ~ " where snapshot_id = 'X', or v_" ~ dataset
        ~ "_at(snapshot_id = 'X'); marts.v_snapshots lists them" -%}
    {%- call statement('create_unpinned_guard') -%}
        create or replace view {{ member_view(dataset, unpinned_id()) }}{{ on_cluster() }} as
        select
            {%- for name, type in columns %}
            {{ default_of(type) }} as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from system.one
        where (select throwIf(getSetting('max_rows_to_read') > 0, '{{ sql_text(message) }}'))
    {%- endcall -%}
{%- endmacro -%}

{%- macro member_view(dataset, id) -%}
    snaps.`{{ dataset }}_{{ id }}`
{%- endmacro -%}

{#- No snapshot can have this id, and it sorts before all ids. -#}
{%- macro unpinned_id() -%}
    {{ return('(unpinned)') }}
{%- endmacro -%}

{%- macro default_of(type) -%}
    cast(defaultValueOfTypeName('{{ sql_text(type) }}') as {{ type }})
{%- endmacro -%}

{#- Only for a version that is published or that this build may publish: v_* shows everything that has a member view.
    -#}
{%- macro create_member_view(dataset, id, version, rules) -%}
    {%- if build_facts().get('may_publish') != version -%}
        {%- set published -%}
            select 1
            from marts.snapshots
            where
                snapshot_id = '{{ sql_text(id) }}'
                and data_version = {{ version | int }}
                and rules = {{ rules | int }}
        {%- endset -%}
        {%- if not has_rows(published) -%}
            {%- do exceptions.raise_compiler_error(
                'there is no snapshot ' ~ id ~ ' of data version ' ~ version ~ ' and rules ' ~ rules
                ~ '. `dbt build` publishes one once its audits pass. Nothing was changed.') -%}
        {%- endif -%}
    {%- endif -%}
    {%- call statement('create_member_view') -%}
        create or replace view {{ member_view(dataset, id) }}{{ on_cluster() }} as
        {{ published_rows(dataset, version, rules=rules, guard=and_node_has(version)) }}
    {%- endcall -%}
{%- endmacro -%}

{#- Only of a snapshot that was dropped or archived before: v_* would answer for any other one with no rows. -#}
{%- macro drop_member_view(dataset, id) -%}
    {%- set shown -%}
        select 1
        from marts.snapshots
        where
            snapshot_id = '{{ sql_text(id) }}' and snapshot_id not in (select snapshot_id from snaps.archived)
    {%- endset -%}
    {%- if has_rows(shown) -%}
        {%- do exceptions.raise_compiler_error(
            'v_' ~ dataset ~ ' shows snapshot ' ~ id ~ ": use `mdw snapshot drop`. Nothing was changed.") -%}
    {%- endif -%}
    {%- call statement('drop_member_view') -%}
        drop view if exists {{ member_view(dataset, id) }}{{ on_cluster() }}
    {%- endcall -%}
{%- endmacro -%}

{#- Published ids that have member views: the newest ones, the newest named by people, and the protected ones. Planning
    a read of the Merge table takes longer with each member, so their number is limited (var live_pins); an archived id
    is read through v_*_at. -#}
{%- macro live_ids_sql(registry) -%}
    select snapshot_id
    from (
        select snapshot_id
        from {{ registry }}
        order by data_version desc
        limit {{ var('live_pins') | int }}
    )
    union distinct
    select snapshot_id
    from (
        select snapshot_id
        from {{ registry }}
        where not match(snapshot_id, '{{ sql_text(var('unnamed_pins')) }}')
        order by data_version desc
        limit {{ var('live_pins') | int }}
    )
    union distinct
    {{ protected_ids_sql() }}
{%- endmacro -%}

{%- macro protected_ids_sql() -%}
    select snapshot_id
    from ops.snapshot_events
    where event in ('protected', 'unprotected')
    group by snapshot_id
    having argMax(event, recorded_at) = 'protected'
{%- endmacro -%}

{#- Whether every v_* was built with the branch that stops at archived ids. -#}
{%- macro views_reject_archived() -%}
    {%- set query -%}
        select count()
        from system.tables
        where
            database = 'marts'
            and name in ({% for dataset in datasets() %}'v_{{ dataset }}'{{ ', ' if not loop.last }}{% endfor %})
            and position(as_select, 'snaps.archived') > 0
    {%- endset -%}
    {{ return(scalar(query) | int == datasets() | length) }}
{%- endmacro -%}

{#- Query of the member views that have the current columns of the reader views. One created before a column was added
    would show the type's default even if the mart has a value. -#}
{%- macro current_member_views_sql(dataset) -%}
    select table
    from (
        select table, name, type
        from system.columns
        where database = 'snaps' and startsWith(table, '{{ dataset }}_')
        order by table, position
    )
    group by table
    having groupArray((name, type)) = [
        {%- for name, type in published_columns(dataset) %}
        ('{{ name }}', '{{ sql_text(type) }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ]
{%- endmacro -%}

{#- Reconciles the member views with the registry, also after a publication or drop that died midway. At no time does an
    id return no rows where it should return some: an id is marked as archived before its views are dropped, and
    unmarked after they are created. On a cluster, every node must have the mark, or the views, before: what a node has
    not fetched yet waits for the next build. As long as a v_* does not stop at archived ids, all ids stay live; the
    build then recreates it. -#}
{%- macro reconcile_member_views(registry) -%}
    {%- set live -%}
        {%- if views_reject_archived() -%}
            {{ live_ids_sql(registry) }}
        {%- else -%}
            select snapshot_id from {{ registry }}
        {%- endif -%}
    {%- endset -%}
    {%- call statement('archive') -%}
        insert into snaps.archived
        select snapshot_id
        from {{ registry }}
        where snapshot_id not in ({{ live }}) and snapshot_id not in (select snapshot_id from snaps.archived)
    {%- endcall -%}
    {%- set kept = not_marked_on_every_node(registry) -%}
    {%- for dataset in datasets() -%}
        {%- for id in first_column(superfluous_ids_sql(registry, dataset, live)) | reject('in', kept) -%}
            {%- do drop_member_view(dataset, id) -%}
        {%- endfor -%}
        {%- for row in run_query(missing_views_sql(registry, dataset, live)) -%}
            {%- do create_member_view(dataset, row[0], row[1], row[2] | int) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set outdated_ids -%}
        select distinct snapshot_id
        from snaps.archived
        where snapshot_id in ({{ live }}) or snapshot_id not in (select snapshot_id from {{ registry }})
    {%- endset -%}
    {%- set marked = first_column(outdated_ids) -%}
    {%- set unmarked = marked | reject('in', without_views_on_a_node(registry) if marked else []) | list -%}
    {%- if unmarked -%}
        {%- call statement('unarchive') -%}
            alter table snaps.archived delete where snapshot_id in ({{ quoted(unmarked) }})
            settings mutations_sync = 1
        {%- endcall -%}
    {%- endif -%}
{%- endmacro -%}

{#- Ids whose mark as archived a node of a cluster may not have: without it and without their views, v_* would show no
    rows of them there. -#}
{%- macro not_marked_on_every_node(registry) -%}
    {%- if not on_cluster() -%}{{ return([]) }}{%- endif -%}
    {%- set query -%}
        select snapshot_id
        from {{ registry }}
        where
            snapshot_id not in (
                select snapshot_id
                from (
                    select getMacro('replica') as node, snapshot_id
                    from {{ on_all_nodes('snaps.archived') }}
                )
                group by snapshot_id
                having uniqExact(node) >= {{ known_nodes() | length }}
            )
        {{ skip_unavailable_nodes() }}
    {%- endset -%}
    {{ return(first_column(query)) }}
{%- endmacro -%}

{#- Ids that a node that answers has no views of. -#}
{%- macro without_views_on_a_node(registry) -%}
    {%- if not on_cluster() -%}{{ return([]) }}{%- endif -%}
    {%- set query -%}
        select snapshot_id
        from (
            select snapshot_id, concat(arrayJoin([{{ quoted(datasets().keys()) }}]), '_', snapshot_id) as name
            from {{ registry }}
        )
        where
            name not in (
                select name
                from {{ on_all_nodes('system.tables') }}
                where database = 'snaps'
                group by name
                having count() = (select count() from {{ on_all_nodes('system.one') }})
            )
        {{ skip_unavailable_nodes() }}
    {%- endset -%}
    {{ return(first_column(query)) }}
{%- endmacro -%}

{#- Ids that have a member view and should not. -#}
{%- macro superfluous_ids_sql(registry, dataset, live) -%}
    {%- set id -%}
        substring(name, {{ dataset | length + 2 }})
    {%- endset -%}
    select {{ id }}
    from system.tables
    where
        database = 'snaps' and startsWith(name, '{{ dataset }}_')
        and {{ id }} != '{{ unpinned_id() }}'
        and {{ id }} not in (select snapshot_id from {{ registry }} where snapshot_id in ({{ live }}))
{%- endmacro -%}

{#- Live snapshots without a member view that has the current columns. -#}
{%- macro missing_views_sql(registry, dataset, live) -%}
    select snapshot_id, data_version, rules
    from {{ registry }}
    where
        snapshot_id in ({{ live }})
        and concat('{{ dataset }}_', snapshot_id) not in ({{ current_member_views_sql(dataset) }})
{%- endmacro -%}
