{#- Records the row counts of the mart's partitions that match the condition, for `lost_rows`. `may_shrink`: rows are
    about to be deleted, so only open rows count from here on. -#}
{%- macro record_mart_rows(relation, partition_by, condition, may_shrink=false) -%}
    {%- set expression = partition_by or "'tuple()'" -%}
    {%- set query -%}
        insert into ops.mart_rows (mart, `partition`, version, open_rows, stored_rows, parts)
        select
            '{{ relation.identifier }}',
            counted.part,
            {{ build_version() }},
            counted.open_rows,
            stored.stored_rows,
            {{ 0 if may_shrink else 'stored.parts' }}
        from (
            select
                toString({{ expression }}) as part,
                countIf({{ open_rows() }}) as open_rows
            from {{ relation }} final
            where {{ expression }} in (select distinct {{ expression }} from {{ relation }} where {{ condition }})
            group by part
        ) as counted
        inner join ({{ stored_rows_sql() }}) as stored
            on counted.part = stored.part and stored.mart = '{{ relation.identifier }}'
        settings do_not_merge_across_partitions_select_final = 1
    {%- endset -%}
    {%- do run_query(query) -%}
{%- endmacro -%}

{%- macro stored_rows_sql() -%}
    select
        table as mart,
        `partition` as part,
        sum(`rows`) as stored_rows,
        toUInt32(count()) as parts
    from system.parts
    where database = 'marts' and active
    group by mart, part
{%- endmacro -%}

{#- Partitions with fewer rows than the builds left there, as a list of {mart, partition, held, expected}. Only metadata
    is read: a partition with one part must have at least as many rows as it had then, any other at least the open rows;
    and everything that the newest snapshot shows must exist in any case. -#}
{%- macro lost_rows(marts) -%}
    {%- set query -%}
        select mart, part, toString(stored.stored_rows), toString(expected.`rows`)
        from (
            select mart, part, max(`rows`) as `rows`
            from ({{ expected_rows_sql() }})
            where mart in ({{ quoted(marts) }})
            group by mart, part
        ) as expected
        left join ({{ stored_rows_sql() }}) as stored using (mart, part)
        where stored.stored_rows < expected.`rows`
        order by mart, part
        settings join_use_nulls = 0
    {%- endset -%}
    {%- set lost = [] -%}
    {%- for row in run_query(query) -%}
        {%- do lost.append({'mart': row[0], 'partition': row[1], 'held': row[2] | int, 'expected': row[3] | int}) -%}
    {%- endfor -%}
    {{ return(lost or emptied_marts(marts)) }}
{%- endmacro -%}

{#- Rows that must be in a mart's partitions: as last counted, and as shown by the newest snapshot's manifest. -#}
{%- macro expected_rows_sql() -%}
    {%- set last = last_published_version() -%}
    select
        mart,
        `partition` as part,
        argMax(if(parts = 1, stored_rows, open_rows), tuple(version, recorded_at)) as `rows`
    from ops.mart_rows
    group by mart, part
    {%- for dataset, info in (datasets() if last else {}).items() %}
    union all
    select
        '{{ info.mart }}' as mart,
        {% if info.partition -%}
        toString({{ info.partition | replace(info.time, 'month') }})
        {%- else -%}
        'tuple()'
        {%- endif %} as part,
        sum(row_count) as `rows`
    from (
        select month, argMax(row_count, version) as row_count
        from {{ manifest_relation() }}
        where dataset = '{{ dataset }}' and version <= {{ last }}
        group by instrument_id, timeframe, month
    )
    group by part
    {%- endfor %}
{%- endmacro -%}

{#- The same if ops.mart_rows and the manifest have no record, because an older release created the marts or after a
    failover: marts without any row although pages with records that were not rejected are done. -#}
{%- macro emptied_marts(marts) -%}
    {%- set names = [] -%}
    {%- for mart in marts
        if graph.nodes['model.market_data.' ~ mart].config.get('meta', {}).get('rows_of_every_page') -%}
        {%- do names.append(mart) -%}
    {%- endfor -%}
    {%- set empty_marts -%}
        select distinct mart
        from ops.build_pages
        where
            done = 1 and mart in ({{ quoted(names or ['']) }})
            and mart not in (select mart from ({{ stored_rows_sql() }}) where stored_rows > 0)
    {%- endset -%}
    {%- set emptied = [] -%}
    {%- for mart in first_column(empty_marts) -%}
        {%- set entity = graph.nodes['model.market_data.' ~ mart].config.meta.entities[0] -%}
        {%- set records_of_done_pages -%}
            select toString(sum(row_count))
            from {{ merged_raw(raw_tables_of([entity])) }}
            where
                row_count >= 3
                and page_id in (select page_id from ops.build_pages where done = 1 and mart = '{{ mart }}')
                {%- if table_exists('marts.dq_rejected_rows') %}
                and page_id not in (select page_id from marts.dq_rejected_rows)
                {%- endif %}
        {%- endset -%}
        {%- set records = scalar(records_of_done_pages) | int -%}
        {%- do emptied.append({'mart': mart, 'partition': 'tuple()', 'held': 0, 'expected': records}) if records -%}
    {%- endfor -%}
    {{ return(emptied) }}
{%- endmacro -%}

{%- macro refuse_lost_rows(node_ids) -%}
    {%- set lost = lost_rows(versioned_marts(node_ids)) -%}
    {%- do refuse_publication(lost_rows_message(lost), 'Next step: runbooks/rows_lost.md.') if lost -%}
{%- endmacro -%}

{%- macro lost_rows_message(lost) -%}
    {%- set parts = [] -%}
    {%- for one in lost[:5] -%}
        {%- do parts.append(
            'marts.' ~ one.mart ~ (('' if one.partition == 'tuple()' else ' partition ' ~ one.partition)) ~ ' has '
            ~ one.held ~ ' rows, expected at least '
            ~ one.expected) -%}
    {%- endfor -%}
    {{ return('rows of processed pages are missing: ' ~ parts | join('; ')
        ~ (' (and ' ~ (lost | length - 5) ~ ' more partitions)' if lost | length > 5 else '') ~ '.') }}
{%- endmacro -%}

{#- `lost_rows` of all marts, queried once: until its own model runs, a mart is as the build found it. -#}
{%- macro lost_before_this_build() -%}
    {%- set facts = build_facts() -%}
    {%- if 'lost' not in facts -%}
        {%- do facts.update({'lost': lost_rows(versioned_marts(graph.nodes.keys()))}) -%}
    {%- endif -%}
    {{ return(facts['lost']) }}
{%- endmacro -%}

{#- Names of the versioned models among these nodes. -#}
{%- macro versioned_marts(node_ids) -%}
    {%- set names = [] -%}
    {%- for id in node_ids if graph.nodes.get(id, {}).get('config', {}).get('materialized') == 'versioned' -%}
        {%- do names.append(graph.nodes[id].name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro -%}

{#- What a mart has lost before it processes new pages, and must recover from its pages. If a snapshot shows the lost
    rows, only a backup has them under their version, and the build stops. -#}
{%- macro lost_rows_to_recover(mart) -%}
    {%- set lost = lost_before_this_build() | selectattr('mart', 'equalto', mart) | list -%}
    {%- if not lost -%}{{ return([]) }}{%- endif -%}
    {%- if mart in datasets().values() | map(attribute='mart') | list and was_ever_published() -%}
        {%- do exceptions.raise_compiler_error(
            lost_rows_message(lost)
            ~ ' Snapshots show these rows, so they are not read from the pages again under another version. Nothing '
            ~ 'was changed. Next step: runbooks/rows_lost.md') -%}
    {%- endif -%}
    {%- do log(lost_rows_message(lost) ~ ' No snapshot shows them: every page of ' ~ mart ~ ' is processed again',
        info=true) -%}
    {{ return(lost) }}
{%- endmacro -%}

{#- Condition on rows whose partitions are to be counted: rows that changed since the last publication, or every row if
    nothing was counted yet. -#}
{%- macro uncounted_rows(mart, lost) -%}
    {%- set facts = build_facts() -%}
    {%- if 'counted' not in facts -%}
        {%- do facts.update({
            'counted': first_column('select distinct mart from ops.mart_rows')}) -%}
    {%- endif -%}
    {%- if mart in facts['counted'] and not lost -%}
        {{ changed_in() }} > {{ last_published_version() }}
    {%- else -%}
        1
    {%- endif -%}
{%- endmacro -%}

{#- Once every page has been processed again, earlier row counts of a partition no longer apply. -#}
{%- macro reset_row_counts(lost) -%}
    {%- set query -%}
        insert into ops.mart_rows (mart, `partition`, version, open_rows, stored_rows, parts)
        values
        {%- for one in lost %}
        ('{{ one.mart }}', '{{ one.partition }}', {{ build_version() }}, 0, 0, 0){{ ',' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- do run_query(query) if lost -%}
{%- endmacro -%}

{#- Also true if the registry itself was lost. -#}
{%- macro was_ever_published() -%}
    {%- set steps -%}
        select count() from ops.build_steps where node = 'model.market_data.snapshots'
    {%- endset -%}
    {{ return(last_published_version() > 0 or scalar(steps) | int > 0) }}
{%- endmacro -%}
