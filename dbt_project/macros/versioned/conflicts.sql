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
    toString({{ info.instrument }}), toString({{ info.timeframe }}), toDateTime64({{ info.time }}, 3, 'UTC'),
    toString(source), ingested_at
{%- endmacro -%}

{#- Rank of a row: a later fetch supersedes an earlier one, and the archive wins if both lanes were fetched at the same
    instant. -#}
{%- macro row_rank(row) -%}
    ({{ row }}.ingested_at, {{ row }}.source = 'archive')
{%- endmacro -%}

{#- Columns whose different values make a conflict. In the columns of meta.jitters a venue's values vary by some ms. -#}
{%- macro conflict_columns() -%}
    {{ return(value_columns() | reject('in', config.get('meta', {}).get('jitters', [])) | list) }}
{%- endmacro -%}

{#- Finds conflicts among the candidates, in partitions in which a key appears twice; adds has_conflicts to those
    partitions. -#}
{%- macro set_aside_conflicts(candidates, partitions) -%}
    {%- if dataset_of_mart() -%}
        {%- for partition in partitions | selectattr('has_duplicates') -%}
            {#- Keys usually appear twice because two fetches overlap: a hash detects that at a quarter of the cost of
                the keys. -#}
            {%- set same_fetch -%}
                select 1
                from {{ candidates }}
                where {{ in_partition(partition.value) }}
                group by cityHash64({{ fetch_key() }})
                having count() > 1
                limit 1
            {%- endset -%}
            {%- set suspects -%}
                select *
                from {{ candidates }}
                where
                    {{ in_partition(partition.value) }}
                    and ({{ fetch_key() }}) in (
                        select {{ fetch_key() }}
                        from {{ candidates }}
                        where {{ in_partition(partition.value) }}
                        group by {{ fetch_key() }}
                        having count() > 1
                    )
            {%- endset -%}
            {%- do partition.update({'has_conflicts': has_rows(same_fetch) and record_conflicts(suspects)}) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}

{#- Columns that identify a row of one lane and fetch. -#}
{%- macro fetch_key() -%}
    {{ return((config.require('unique_key') + ['source', 'ingested_at']) | join(', ')) }}
{%- endmacro -%}

{#- Condition that a candidate and the open row of its key, both of one lane and moment, contradict each other. NULL in
    the open row contradicts nothing: the row may have been stored before the mart had the column. -#}
{%- macro contradicts(candidate, open_row) -%}
    (
        {%- for name in conflict_columns() %}
        isNotNull({{ open_row }}.{{ name }}) and {{ differs(candidate, open_row, name) }}
        {{ 'or' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro -%}

{#- Condition that a candidate has another value than the open row of its key. -#}
{%- macro differs(candidate, open_row, column) -%}
    {%- if column in keep_on_null() -%}
    isNotNull({{ candidate }}.{{ column }}) and {% endif -%}
    not isNotDistinctFrom({{ candidate }}.{{ column }}, {{ open_row }}.{{ column }})
{%- endmacro -%}

{#- Condition that a candidate is the open row, parsed again, with values in columns that were NULL: how a new column is
    filled from raw (docs/adding_a_column.md). -#}
{%- macro only_fills_nulls(candidate, open_row) -%}
    (
        {{ candidate }}.source = {{ open_row }}.source
        and {{ candidate }}.ingested_at = {{ open_row }}.ingested_at
        and (
            {%- for name in conflict_columns() %}
            isNull({{ open_row }}.{{ name }}) and isNotNull({{ candidate }}.{{ name }})
            {{ 'or' if not loop.last }}
            {%- endfor %}
        )
        and not {{ contradicts(candidate, open_row) }}
    )
{%- endmacro -%}

{#- Looks for changes that contradict an open row of the same lane and moment: the page of that row was built before.
    Such a change is not taken (insert_changes), and the open row stays as it was published. -#}
{%- macro set_aside_late_conflicts(relation, changes, partition) -%}
    {%- set from_same_fetch -%}
        {{ open_rows() }}
        and ingested_at in (select distinct ingested_at from {{ changes }} where {{ in_partition(partition) }})
    {%- endset -%}
    {%- if dataset_of_mart() and holds_rows(relation, partition, from_same_fetch) -%}
        {%- set contradicted = contradicted_keys_sql(relation, changes, partition) -%}
        {%- set suspects -%}
            select *
            from {{ changes }}
            where {{ in_partition(partition) }} and ({{ fetch_key() }}) in ({{ contradicted }})
            union all
            select *
            from ({{ open_rows_of_changes_sql(relation, changes, partition) }})
            where ({{ fetch_key() }}) in ({{ contradicted }})
        {%- endset -%}
        {%- do record_conflicts(suspects) -%}
    {%- endif -%}
{%- endmacro -%}

{#- Open rows of the same lane and moment as a change. -#}
{%- macro open_rows_of_changes_sql(relation, changes, partition) -%}
    select *
    from {{ relation }} final
    where
        {{ in_partition(partition) }} and {{ open_rows() }}
        and ({{ fetch_key() }}) in (select {{ fetch_key() }} from {{ changes }} where {{ in_partition(partition) }})
{%- endmacro -%}

{%- macro contradicted_keys_sql(relation, changes, partition) -%}
    select {{ fetch_key() }}
    from (select * from {{ changes }} where {{ in_partition(partition) }}) as candidate
    inner join ({{ open_rows_of_changes_sql(relation, changes, partition) }}) as open_row using ({{ fetch_key() }})
    where {{ contradicts('candidate', 'open_row') }}
{%- endmacro -%}

{#- Records the conflicts among some rows; returns whether there are any. -#}
{%- macro record_conflicts(rows) -%}
    {%- set kept = keep_on_null() -%}
    {%- set values = conflict_columns() -%}
    {#- If only a part of the project is run, the table may not exist yet. -#}
    {%- do create_log_table(conflicts_record(), graph.nodes['model.market_data.dq_conflicting_rows']) -%}
    {%- call statement('record_conflicts') -%}
        insert into {{ conflicts_record() }}
        (dataset, instrument_id, timeframe, event_time, source, ingested_at, `rows`, difference, version)
        select
            '{{ dataset_of_mart() }}',
            {{ conflict_key() }},
            count(),
            arrayStringConcat(arrayFilter(text -> text != '', [
                {%- for name in values %}
                {%- set value -%}
                    {%- if name in kept -%}
                        toString({{ name }})
                    {%- else -%}
                        ifNull(toString({{ name }}), 'unknown')
                    {%- endif -%}
                {%- endset %}
                if(
                    uniqExact({{ name if name in kept else value }}) > 1,
                    concat(
                        '{{ name }} is ', arrayStringConcat(arraySort(groupUniqArray(5)({{ value }})), ' and ')
                    ), ''
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ]), '; '),
            {{ build_version() }}
        from ({{ rows }})
        group by {{ conflict_key() }}
        having
            uniqExact(tuple({{ values | reject('in', kept) | join(', ') }})) > 1
            {%- for name in kept %}
            or uniqExact({{ name }}) > 1
            {%- endfor %}
    {%- endcall -%}
    {%- set recorded -%}
        select 1
        from {{ conflicts_record() }}
        where dataset = '{{ dataset_of_mart() }}' and version = {{ build_version() }}
        limit 1
    {%- endset -%}
    {{ return(has_rows(recorded)) }}
{%- endmacro -%}

{#- Condition on candidates: they are not part of a conflict recorded by this build. -#}
{%- macro without_conflicts() -%}
    ({{ conflict_key() }}) not in (
        select instrument_id, timeframe, event_time, toString(source), ingested_at
        from {{ conflicts_record() }}
        where dataset = '{{ dataset_of_mart() }}' and version = {{ build_version() }}
    )
{%- endmacro -%}
