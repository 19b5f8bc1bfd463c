{#- Id of the snapshot that this build publishes: var snapshot_id, or the UTC time of the run. -#}
{%- macro snapshot_id() -%}
    {#- YAML reads 1.10 as 1.1, no as false, 010 as 8, and nothing as null: the name would be another one than was
        typed. -#}
    {%- set given = var('snapshot_id') -%}
    {%- set typed = invocation_args_dict.get('invocation_command') or '' -%}
    {%- if given is none or given is boolean or given is float or given == 0 or given is mapping
        or (given is iterable and given is not string)
        or (given is integer and 'snapshot_id' in typed and given | string not in typed) -%}
        {%- do exceptions.raise_compiler_error(
            'snapshot_id is ' ~ given
            ~ ', which YAML does not read as text. Write it in quotes: --vars \'{snapshot_id: "…"}\'. Nothing was '
            ~ 'changed.') -%}
    {%- endif -%}
    {%- set id = (run_var('snapshot_id') | string) or run_started_at.strftime('%Y%m%dT%H%M%SZ') -%}
    {%- if not modules.re.match('^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', id) or id.endswith('\n') -%}
        {%- do exceptions.raise_compiler_error(
            "snapshot_id is '" ~ id
            ~ "': it must be 1 to 64 letters, digits, dots, dashes or underscores and begin with a letter "
            ~ "or digit. Choose such an id, or omit it to use the UTC time. Nothing was changed.") -%}
    {%- endif -%}
    {{ return(id) }}
{%- endmacro -%}

{#- Data version of the newest published snapshot (during a build, as of its start); 0 before the first. -#}
{%- macro last_published_version() -%}
    {%- if not execute -%}{{ return(0) }}{%- endif -%}
    {%- if 'published' in build_facts() -%}{{ return(build_facts()['published']) }}{%- endif -%}
    {%- if not table_exists('marts.snapshots') -%}{{ return(0) }}{%- endif -%}
    {{ return(scalar('select max(data_version) from marts.snapshots') | int) }}
{%- endmacro -%}
