{#- Conflicts: rows of one lane and one fetch (one page, or pages fetched at the same instant) with the same key and
    different values. It is unknown which is right, so none is used. They are recorded in dq_conflicting_rows, whose
    audit blocks publication until a later fetch resolves the key. Applies only to the marts of published datasets. -#}
{%- macro dataset_of_mart() -%}
    {%- for dataset, info in datasets().items() if info.mart == this.identifier -%}{{ return(dataset) }}{%- endfor -%}
    {{ return(none) }}
{%- endmacro -%}

{%- macro conflicts_record() -%}
    {{ return(this.incorporate(path={'identifier': 'dq_conflicting_rows'})) }}
{%- endmacro -%}

{#- Key, lane and fetch time of a row of the mart, as in dq_conflicting_rows. -#}
{%- macro conflict_key() -%}
    {%- set info = datasets()[dataset_of_mart()] -%}
    {{ return(['toString(' ~ info.instrument ~ ')', 'toString(' ~ info.timeframe ~ ')', 'toDateTime64(' ~ info.time
        ~ ", 3, 'UTC')",
        'toString(source)', 'ingested_at']) }}
{%- endmacro -%}

{#- Rank of a row: a later fetch supersedes an earlier one, and the archive wins if both lanes were fetched at the same
    instant. -#}
{%- macro row_rank(row) -%}
    ({{ row }}.ingested_at, {{ row }}.source = 'archive')
{%- endmacro -%}

{#- Columns whose different values make a conflict. In the columns of meta.jitters a venue's values vary by some ms. -#}
{%- macro contradicting_columns() -%}
    {{ return(value_columns() | reject('in', config.get('meta', {}).get('jitters', [])) | list) }}
{%- endmacro -%}

{#- Finds conflicts among the candidates, in partitions in which a key appears twice; adds has_conflicts to those
    partitions. -#}
{%- macro set_aside_conflicts(candidates, partitions) -%}
    {%- if dataset_of_mart() -%}
        {%- set key = (config.require('unique_key') + ['source', 'ingested_at']) | join(', ') -%}
        {%- for partition in partitions | selectattr('has_twins') -%}
            {%- set rows = candidates ~ ' where ' ~ in_partition(partition.value) -%}
            {#- Keys usually appear twice because two fetches overlap: a hash detects that at a quarter of the cost of
                the keys. -#}
            {%- set equals = run_query(
                'select 1 from ' ~ rows ~ ' group by cityHash64(' ~ key
                ~ ') having count() > 1 limit 1').rows | length > 0 -%}
            {%- set found = equals and record_conflicts(
                'select * from ' ~ rows ~ ' and (' ~ key ~ ') in (select ' ~ key ~ ' from ' ~ rows ~ ' group by ' ~ key
                ~ ' having count() > 1)') -%}
            {%- do partition.update({'has_conflicts': found}) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}

{#- Condition that a candidate and the open row of its key, both of one lane and moment, contradict each other. NULL in
    the open row contradicts nothing: the row may have been stored before the mart had the column. -#}
{%- macro contradicts(candidate, open_row) -%}
    {%- set kept = known_stays_known() -%}
    {%- set contradictions = [] -%}
    {%- for name in contradicting_columns() -%}
        {%- do contradictions.append(
            'isNotNull(' ~ open_row ~ '.' ~ name ~ ') and '
            ~ ('isNotNull(' ~ candidate ~ '.' ~ name ~ ') and ' if name in kept else '')
            ~ 'not isNotDistinctFrom(' ~ candidate ~ '.' ~ name ~ ', ' ~ open_row ~ '.' ~ name ~ ')') -%}
    {%- endfor -%}
    ({{ contradictions | join(' or ') }})
{%- endmacro -%}

{#- Condition that a candidate is the open row, parsed again, with values in columns that were NULL: how a new column is
    filled from raw (docs/adding_a_column.md). -#}
{%- macro fills(candidate, open_row) -%}
    {%- set filled = [] -%}
    {%- for name in contradicting_columns() -%}
        {%- do filled.append('isNull(' ~ open_row ~ '.' ~ name ~ ') and isNotNull(' ~ candidate ~ '.' ~ name ~ ')') -%}
    {%- endfor -%}
    ({{ candidate }}.source = {{ open_row }}.source and {{ candidate }}.ingested_at = {{ open_row }}.ingested_at
        and ({{ filled | join(' or ') }}) and not {{ contradicts(candidate, open_row) }})
{%- endmacro -%}

{#- Looks for changes that contradict an open row of the same lane and moment: the page of that row was built before.
    Such a change is not taken (insert_changes), and the open row stays as it was published. -#}
{%- macro set_aside_late_conflicts(relation, changes, partition) -%}
    {%- if dataset_of_mart() and holds_rows(
            relation, partition, 'valid_to_version = 4294967295 and ingested_at in (select distinct ingested_at from '
            ~ changes
            ~ ' where ' ~ in_partition(partition) ~ ')') -%}
        {%- set key = (config.require('unique_key') + ['source', 'ingested_at']) | join(', ') -%}
        {%- set held = 'select * from ' ~ relation ~ ' final where ' ~ in_partition(partition)
            ~ ' and valid_to_version = 4294967295 and (' ~ key ~ ') in (select ' ~ key ~ ' from ' ~ changes
            ~ ' where ' ~ in_partition(partition) ~ ')' -%}
        {%- set contradicted = 'select ' ~ key ~ ' from (select * from ' ~ changes ~ ' where ' ~ in_partition(partition)
            ~ ') as candidate inner join (' ~ held ~ ') as open_row using (' ~ key ~ ') where '
            ~ contradicts('candidate', 'open_row') -%}
        {%- do record_conflicts(
            'select * from ' ~ changes ~ ' where ' ~ in_partition(partition) ~ ' and (' ~ key ~ ') in (' ~ contradicted
            ~ ') union all select * from (' ~ held ~ ') where (' ~ key ~ ') in (' ~ contradicted ~ ')') -%}
    {%- endif -%}
{%- endmacro -%}

{#- Records the conflicts among some rows; returns whether there are any. -#}
{%- macro record_conflicts(rows) -%}
    {%- set key = conflict_key() -%}
    {%- set kept = known_stays_known() -%}
    {%- set values = contradicting_columns() -%}
    {#- If only a part of the project is run, the table may not exist yet. -#}
    {%- do create_log_table(conflicts_record(), graph.nodes['model.market_data.dq_conflicting_rows']) -%}
    {%- set contradictions = ['uniqExact(tuple(' ~ values | reject('in', kept) | join(', ') ~ ')) > 1'] -%}
    {%- for name in kept -%}{%- do contradictions.append('uniqExact(' ~ name ~ ') > 1') -%}{%- endfor -%}
    {%- call statement('record_conflicts') -%}
        insert into {{ conflicts_record() }}
            (dataset, instrument_id, timeframe, event_time, source, ingested_at, rows, difference, version)
        select
            '{{ dataset_of_mart() }}',
            {{ key | join(', ') }},
            count(),
            arrayStringConcat(arrayFilter(text -> text != '', [
                {%- for name in values %}
                if(
                    {{ 'uniqExact(' ~ name ~ ')' if name in kept else "uniqExact(ifNull(toString(" ~ name
                        ~ "), 'unknown'))" }} > 1,
                    concat('{{ name }} is ', arrayStringConcat(arraySort(groupUniqArray(5)(
                        {{ 'toString(' ~ name ~ ')' if name in kept else "ifNull(toString(" ~ name ~ "), 'unknown')" }}
                    )), ' and ')), ''
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ]), '; '),
            {{ build_version() }}
        from ({{ rows }})
        group by {{ key | join(', ') }}
        having {{ contradictions | join(' or ') }}
    {%- endcall -%}
    {{ return(run_query(
        'select 1 from ' ~ conflicts_record() ~ ' where dataset = \'' ~ dataset_of_mart() ~ '\' and version = '
        ~ build_version()
        ~ ' limit 1').rows | length > 0) }}
{%- endmacro -%}

{#- Condition on candidates: they are not part of a conflict recorded by this build. -#}
{%- macro without_conflicts() -%}
    ({{ conflict_key() | join(', ') }}) not in (
        select instrument_id, timeframe, event_time, toString(source), ingested_at from {{ conflicts_record() }}
        where dataset = '{{ dataset_of_mart() }}' and version = {{ build_version() }}
    )
{%- endmacro -%}
