{#- Version columns of a candidate: valid from this build, not closed. -#}
{%- macro version_columns() -%}
    toUInt32({{ build_version() }}) as valid_from_version,
    toUInt32(4294967295) as valid_to_version
{%- endmacro -%}

{#- Names of the contract's columns without the version columns. -#}
{%- macro stored_columns() -%}
    {{ return(model.columns.keys() | reject('in', ['valid_from_version', 'valid_to_version']) | list) }}
{%- endmacro -%}

{#- Value columns, in which two rows of a key can differ: neither key nor provenance. -#}
{%- macro value_columns() -%}
    {%- set other = config.require('unique_key') + config.get('meta', {}).get('provenance',
        ['source', 'ingested_at']) -%}
    {{ return(stored_columns() | reject('in', other) | list) }}
{%- endmacro -%}

{%- macro key_list() -%}
    {{ return(config.require('unique_key') | join(', ')) }}
{%- endmacro -%}

{#- Condition that restricts a query to one partition. -#}
{%- macro in_partition(partition) -%}
    {%- set expression = config.get('partition_by', '') -%}
    {%- if expression -%}
        {{ expression }} = {{ partition }}
    {%- else -%}
        1
    {%- endif -%}
{%- endmacro -%}

{#- The same for several of `candidate_partitions`. -#}
{%- macro in_partitions(partitions) -%}
    {%- set expression = config.get('partition_by', '') -%}
    {%- if expression -%}
        {{ expression }} in ({{ partitions | map(attribute='value') | join(', ') }})
    {%- else -%}
        1
    {%- endif -%}
{%- endmacro -%}

{#- The partition clause of statements on tables. -#}
{%- macro partition_clause(partition) -%}
    partition {{ partition if config.get('partition_by', '') else 'tuple()' }}
{%- endmacro -%}

{#- Build that last changed a row: the one that added it or, if it is closed, the one that superseded it. Indexed. -#}
{%- macro changed_in() -%}
    if(valid_to_version = 4294967295, valid_from_version, valid_to_version)
{%- endmacro -%}
