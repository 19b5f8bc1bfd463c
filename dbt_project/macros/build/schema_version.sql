{#- Number of the newest migration (warehouse/migrations) that this code requires. -#}
{%- macro schema_version() -%}
    {{ return(150) }}
{%- endmacro -%}

{#- Stops a run on a database that newer code has migrated, or that `mdw migrate` has not yet brought up to date. -#}
{%- macro refuse_other_migrations() -%}
    {%- if 'schema' in build_facts() -%}{{ return('') }}{%- endif -%}
    {%- set found = scalar('select max(version) from ops.schema_migrations') | int
        if table_exists('ops.schema_migrations') else 0 -%}
    {%- if found > schema_version() -%}
        {%- do exceptions.raise_compiler_error(
            'the database was migrated by newer code: it is at migration ' ~ found ~ ', and this code knows none after '
            ~ schema_version()
            ~ '. Use code at least as new as the data. Nothing was changed.') -%}
    {%- elif found < schema_version() -%}
        {%- do exceptions.raise_compiler_error(
            'the database is at migration ' ~ found ~ ', and this code needs ' ~ schema_version()
            ~ ': run `mdw migrate`, then this command again. Nothing was changed.') -%}
    {%- endif -%}
    {%- do build_facts().update({'schema': found}) -%}
{%- endmacro -%}
