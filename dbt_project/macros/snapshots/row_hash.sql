{#- Function with which the manifests of new snapshots hash rows. -#}
{%- macro hash_function() -%}
    {{ return('xxh3_128') }}
{%- endmacro -%}

{#- Columns of a mart that a new snapshot's manifest covers: every column of its contract except the versions, in order.
    -#}
{%- macro hashed_columns(mart) -%}
    {%- set columns = [] -%}
    {%- for column in (graph.nodes['model.market_data.' ~ mart].columns.values() if execute else []) -%}
        {%- if column.name not in ['valid_from_version', 'valid_to_version'] -%}
            {%- do columns.append({'name': column.name, 'type': column.data_type}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro -%}

{#- The same for every dataset, as the value stored with a snapshot. -#}
{%- macro hashed_columns_sql() -%}
    cast(map(
        {%- for dataset, info in datasets().items() %}
        '{{ dataset }}', [
            {%- for column in hashed_columns(info.mart) %}
            ('{{ column.name }}', '{{ sql_text(column.type) }}'){{ ',' if not loop.last }}
            {%- endfor %}
        ]{{ ',' if not loop.last }}
        {%- endfor %}
    ) as Map(String, Array(Tuple(String, String))))
{%- endmacro -%}

{#- Hash of a row of a mart for snapshots published from now on. -#}
{%- macro row_hash(mart) -%}
    {{ hash_sql(hash_function(), hashed_columns(mart), {}) }}
{%- endmacro -%}

{#- Hash of a row of a dataset as computed for the newest published snapshot, regardless of later changes of the mart
    and this code. -#}
{%- macro published_row_hash(dataset) -%}
    {%- set published = published_hashes() -%}
    {%- set mart = datasets()[dataset].mart -%}
    {%- set types = {} -%}
    {%- for column in hashed_columns(mart) -%}{%- do types.update({column.name: column.type}) -%}{%- endfor -%}
    {{ hash_sql(published.function, published.columns.get(dataset, []), types) }}
{%- endmacro -%}

{#- NULL differs from every value. A column is cast if its type has changed: `types` are those of the mart. -#}
{%- macro hash_sql(function, columns, types) -%}
    reinterpretAsUInt128({{ function }}(tuple(
        {%- for column in columns -%}
            {%- if types.get(column.name, column.type) == column.type -%}
                {{ column.name }}
            {%- else -%}
                cast({{ column.name }} as {{ column.type }})
            {%- endif -%}
            {{ ', ' if not loop.last }}
        {%- else -%}
            1
        {%- endfor -%}
    )))
{%- endmacro -%}

{#- Whether the newest published snapshot hashes a dataset in the same way as the next one, so that its manifest can be
    continued. -#}
{%- macro hashes_as_published(dataset) -%}
    {%- if last_published_version() == 0 -%}{{ return(true) }}{%- endif -%}
    {%- set published = published_hashes() -%}
    {{ return(
        published.function == hash_function()
        and published.columns.get(dataset, []) == hashed_columns(datasets()[dataset].mart)) }}
{%- endmacro -%}

{#- How the newest published snapshot hashes rows: {function, columns: {dataset: [{name, type}]}}. -#}
{%- macro published_hashes() -%}
    {%- set facts = build_facts() -%}
    {%- if 'hashes' not in facts -%}
        {%- set found = {'function': hash_function(), 'columns': {}} -%}
        {%- if last_published_version() > 0 -%}
            {%- set query -%}
                select row_hash, dataset, tupleElement(one_column, 1), tupleElement(one_column, 2)
                from marts.snapshots
                array join mapKeys(hashed_columns) as dataset, mapValues(hashed_columns) as its_columns
                array join its_columns as one_column
                where data_version = {{ last_published_version() }}
            {%- endset -%}
            {%- set rows = run_query(query).rows -%}
            {%- if not rows -%}
                {%- do exceptions.raise_compiler_error(
                    'it is not recorded how data version ' ~ last_published_version()
                    ~ ' was hashed: run `mdw migrate`, then this command again.') -%}
            {%- endif -%}
            {%- for row in rows -%}
                {%- do found.update({'function': row[0]}) -%}
                {%- do found.columns.setdefault(row[1], []).append({'name': row[2], 'type': row[3]}) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do facts.update({'hashes': found}) -%}
    {%- endif -%}
    {{ return(facts['hashes']) }}
{%- endmacro -%}
