{#- Creates the table from the contract's types. An existing table must have exactly these columns: facts are never
    dropped to fit a changed model. -#}
{%- macro create_versioned_table(relation) -%}
    {%- set existing = run_query(
        "select name, type from system.columns where database = '" ~ relation.schema ~ "' and table = '" ~ relation.identifier
        ~ "' and default_kind != 'MATERIALIZED'") -%}
    {%- if existing.rows | length == 0 -%}
        {%- do run_query(versioned_ddl(relation)) -%}
        {{ return('') }}
    {%- endif -%}
    {%- set found = {} -%}
    {%- for row in existing -%}{%- do found.update({row[0]: row[1]}) -%}{%- endfor -%}
    {%- for name in (model.columns.keys() | list) + (found.keys() | list) -%}
        {%- set wanted = model.columns.get(name, {}).get('data_type', 'absent') -%}
        {%- if found.get(name, 'absent') != wanted -%}
            {%- do exceptions.raise_compiler_error(
                relation ~ '.' ~ name ~ ' is ' ~ found.get(name, 'absent') ~ ' in the database and ' ~ wanted
                ~ ' in the model. Versioned facts are never dropped: write a migration that alters the table, then build again.') -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro -%}

{#- `node`: the model, where it is not the one that runs. -#}
{%- macro versioned_ddl(relation, node=none) -%}
    {%- set node = node or model -%}
    create table {{ relation }} {{ on_cluster() }} (
        {%- for column in node.columns.values() %}
        {{ column.name }} {{ column.data_type }} {{ column_default(column.name) }} {{ column_codec(column) }},
        {%- endfor %}
        closed UInt8 materialized valid_to_version != 4294967295
            comment 'the copy that a merge keeps: 1 where the row is closed',
        index valid_from_version_range valid_from_version type minmax granularity 1,
        index changed_in_range {{ changed_in() }} type minmax granularity 1
    )
    engine = {{ var('versioned_engine') }}(closed) {{ versioned_layout(node) }}
{%- endmacro -%}

{#- Partitions and order of a versioned table. -#}
{%- macro versioned_layout(node) -%}
    partition by {{ node.config.get('partition_by', '') or 'tuple()' }}
    order by ({{ node.config.get('unique_key') | join(', ') }}, valid_from_version)
{%- endmacro -%}

{#- Makes the versioned marts that are absent, empty: `dbt run-operation create_marts`, before an import fills them. -#}
{%- macro create_marts() -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.config.materialized == 'versioned' -%}
        {%- set relation = api.Relation.create(schema=node.schema, identifier=node.alias) -%}
        {%- if run_query('exists table ' ~ relation).rows[0][0] | int == 0 -%}
            {%- do run_query(versioned_ddl(relation, node)) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro -%}

{%- macro column_default(name) -%}
    {{ 'default 4294967295' if name == 'valid_to_version' }}
{%- endmacro -%}

{#- Times on a grid and version numbers change little from row to row. -#}
{%- macro column_codec(column) -%}
    {%- if column.name in ['valid_from_version', 'valid_to_version'] -%}
        codec(ZSTD(1))
    {%- elif column.data_type.startswith('DateTime64') -%}
        codec(DoubleDelta, ZSTD(1))
    {%- elif 'Float64' in column.data_type -%}
        codec({{ var('float_codec') }})
    {%- endif -%}
{%- endmacro -%}
