{#- Creates the table from the contract's types. Columns added to the contract later are added to an existing table,
    which must then have exactly these columns: facts are never dropped to fit a changed model. -#}
{%- macro create_versioned_table(relation) -%}
    {%- set existing -%}
        select name, type
        from system.columns
        where
            database = '{{ relation.schema }}' and table = '{{ relation.identifier }}'
            and default_kind != 'MATERIALIZED'
    {%- endset -%}
    {%- set found = {} -%}
    {%- for row in run_query(existing) -%}{%- do found.update({row[0]: row[1]}) -%}{%- endfor -%}
    {%- if not found -%}
        {%- do run_query(versioned_ddl(relation)) -%}
        {{ return('') }}
    {%- endif -%}
    {%- for name, type in found.items() -%}{%- do check_column(relation, name, type) -%}{%- endfor -%}
    {%- set added = [] -%}
    {%- for column in model.columns.values() -%}
        {%- if column.name not in found -%}
            {%- do added.append(added_column(relation, column, loop.previtem)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if added -%}
        {%- call statement('add_columns') -%}
            alter table {{ relation }}{{ on_cluster() }} {{ added | join(', ') }}
        {%- endcall -%}
        {%- do log(relation ~ ': ' ~ added | join(', '), info=true) -%}
    {%- endif -%}
{%- endmacro -%}

{#- Refuses a column of the database that is not in the contract or has another type there. -#}
{%- macro check_column(relation, name, type) -%}
    {%- if name not in model.columns -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ '.' ~ name ~ ' (' ~ type
            ~ ') is in the database and not in the model: the database was built by newer code than '
            ~ 'this, or the column was removed from ' ~ model.name
            ~ '.yml. Columns of versioned facts cannot be removed, because snapshots show them: use '
            ~ 'the newer code, or put the column back. Nothing was changed.') -%}
    {%- elif model.columns[name].data_type != type -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ '.' ~ name ~ ' is ' ~ type ~ ' in the database and ' ~ model.columns[name].data_type
            ~ ' in the model. Facts are never '
            ~ 'dropped to fit a model: write a migration that alters the column (docs/adding_a_column.md), then build '
            ~ 'again. Nothing was changed.') -%}
    {%- endif -%}
{%- endmacro -%}

{#- The clause that adds a column at its position in the contract. Rows stored earlier have no value for it: NULL. -#}
{%- macro added_column(relation, column, previous) -%}
    {%- if not column.data_type.startswith('Nullable(') -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ '.' ~ column.name ~ ' is new and ' ~ column.data_type
            ~ ': rows stored earlier have no value for it, and unknown values are NULL. '
            ~ 'Make it Nullable(' ~ column.data_type
            ~ '), or write a migration that sets the value of those rows (docs/adding_a_column.md). '
            ~ 'Nothing was changed.') -%}
    {%- endif -%}
    add column if not exists {{ column.name }} {{ column.data_type }} {{ column_codec(column) }}
    {%- if previous %} after {{ previous.name }}{% else %} first{% endif -%}
{%- endmacro -%}

{#- `node`: the model, if it is not the running one. -#}
{%- macro versioned_ddl(relation, node=none) -%}
    {%- set node = node or model -%}
    create table {{ relation }} {{ on_cluster() }} (
        {%- for column in node.columns.values() %}
        {{ column.name }} {{ column.data_type }} {{ column_default(column.name) }} {{ column_codec(column) }},
        {%- endfor %}
        closed UInt8 materialized valid_to_version != 4294967295
            comment '1 for the closed copy of a row, which merges keep',
        index valid_from_version_range valid_from_version type minmax granularity 1,
        index changed_in_range {{ changed_in() }} type minmax granularity 1
    )
    engine = {{ versioned_engine() }}(closed) {{ versioned_layout(node) }}
{%- endmacro -%}

{#- Partitions and order of a versioned table. -#}
{%- macro versioned_layout(node) -%}
    partition by {{ node.config.get('partition_by', '') or 'tuple()' }}
    order by ({{ node.config.get('unique_key') | join(', ') }}, valid_from_version)
{%- endmacro -%}

{#- Creates missing versioned marts, empty: `dbt run-operation create_marts`, before an import fills them. -#}
{%- macro create_marts() -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and node.config.materialized == 'versioned' -%}
        {%- set relation = api.Relation.create(schema=node.schema, identifier=node.alias) -%}
        {%- do run_query(versioned_ddl(relation, node)) if not table_exists(relation) -%}
    {%- endfor -%}
{%- endmacro -%}

{%- macro column_default(name) -%}
    {%- if name == 'valid_to_version' %}default 4294967295{% endif -%}
{%- endmacro -%}

{#- Timestamps on a grid and version numbers change little from row to row. -#}
{%- macro column_codec(column) -%}
    {%- if column.name in ['valid_from_version', 'valid_to_version'] -%}
        codec(ZSTD(1))
    {%- elif column.data_type.startswith('DateTime64') -%}
        codec(DoubleDelta, ZSTD(1))
    {%- elif 'Float64' in column.data_type -%}
        codec({{ var('float_codec') }})
    {%- endif -%}
{%- endmacro -%}
