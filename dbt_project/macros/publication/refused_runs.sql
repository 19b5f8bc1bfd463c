{#- With --empty and --sample the marts would get only some of their pages' rows, or none, and the pages would count as
    done. -#}
{%- macro refuse_partial_rows() -%}
    {%- for option in ['empty', 'sample'] if invocation_args_dict.get(option) or (option == 'empty' and flags.EMPTY) -%}
        {%- do exceptions.raise_compiler_error(
            '--' ~ option
            ~ ' would mark raw pages as done without their rows, which would then be missing from every snapshot. '
            ~ 'Nothing was '
            ~ 'changed. To check code use `dbt compile` or `dbt build --select test_type:unit`; to run models, work '
            ~ 'in a separate warehouse: `mdw clone` (docs/developing_dbt.md).') -%}
    {%- endfor -%}
{%- endmacro -%}

{#- A run that knows fewer datasets or timeframes than the project would publish a snapshot without their rows, and
    `drop_snapshots` would free rows that it does not know. -#}
{%- macro refuse_other_datasets() -%}
    {%- for name in ['datasets', 'timeframes'] if name in (invocation_args_dict.get('vars') or {}) -%}
        {%- do exceptions.raise_compiler_error(
            "--vars gives '" ~ name ~ "', which is part of the project and the same for every run: change it in "
            ~ 'dbt_project.yml (docs/adding_a_dataset.md, docs/adding_a_timeframe.md). Nothing was changed.') -%}
    {%- endfor -%}
{%- endmacro -%}

{#- Called while the project is parsed, before dbt makes the schema's database. The databases have fixed names, so a
    target with another schema would still write to marts, beside views of its own. -#}
{%- macro refuse_other_schemas() -%}
    {%- if target.schema != 'marts' -%}
        {%- do exceptions.raise_compiler_error(
            "target '" ~ target.name ~ "' has schema '" ~ target.schema
            ~ "', and this project writes to the databases staging, marts and snaps of the server "
            ~ "it is connected to, regardless of the schema: only 'marts' is allowed. Nothing was changed. To work in "
            ~ 'a separate warehouse use `mdw clone` and connect to that (docs/developing_dbt.md).') -%}
    {%- endif -%}
{%- endmacro -%}

{#- `dbt clone` replaces tables with views or copies of another target's. Here it would replace the facts. -#}
{%- materialization clone, adapter='clickhouse' -%}
    {%- do exceptions.raise_compiler_error(
        '`dbt clone` copies relations between schemas, and this project has one of each: nothing was changed. For a '
        ~ 'separate warehouse use `mdw clone` (docs/developing_dbt.md).') -%}
{%- endmaterialization -%}
