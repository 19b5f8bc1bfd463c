{#- Whether this run covers every row: because it was requested, or because nothing is published yet. -#}
{%- macro audits_everything() -%}
    {{ return(run_var('audit_everything') or last_published_version() == 0) }}
{%- endmacro -%}

{#- Condition on a mart's rows as the running build leaves them, that is, as they would be published now. -#}
{%- macro open_rows() -%}
    valid_to_version = 4294967295
{%- endmacro -%}

{#- Condition on unpublished rows (every open row if the run covers everything). A build after a failed one covers the
    failed rows again. -#}
{%- macro unpublished() -%}
    valid_to_version = 4294967295 and valid_from_version > {{ 0 if audits_everything() else last_published_version() }}
{%- endmacro -%}

{#- Number of the newest run of the audits before this one; 0 if there is none. -#}
{%- macro previous_audit_run() -%}
    {%- if not execute -%}{{ return(0) }}{%- endif -%}
    {%- set facts = build_facts() -%}
    {%- if 'previous_audit_run' not in facts -%}
        {%- set query -%}
            select max(run) from marts.dq_audit_results where run < {{ build_version() }}
        {%- endset -%}
        {%- set exists = table_exists('marts.dq_audit_results') -%}
        {%- do facts.update({'previous_audit_run': scalar(query) | int if exists else 0}) -%}
    {%- endif -%}
    {{ return(facts['previous_audit_run']) }}
{%- endmacro -%}

{#- Findings of the previous run, which this run must check again, by dataset. -#}
{%- macro previous_findings(dataset) -%}
    select *
    from marts.dq_audit_results
    where run = {{ previous_audit_run() }} and dataset = '{{ dataset }}' and severity != 'ok'
{%- endmacro -%}

{#- Condition on bars: in a partition with a day in scope. The caller checks the days. -#}
{%- macro in_scoped_partitions() -%}
    {%- set months_in_scope -%}
        select distinct toYYYYMM(day) as month from {{ ref('dq_scope_days') }} order by month
    {%- endset -%}
    {%- set months = first_column(months_in_scope) if execute else [] -%}
    toYYYYMM(open_time) in ({{ (months or [0]) | join(', ') }})
{%- endmacro -%}

{#- Condition on rows of bars: new, revised or withdrawn since the last publication. Only a quarantine closes a row
    without a successor on the same day; without quarantines, closed rows need not be considered. -#}
{%- macro rows_changed_since_publication() -%}
    {%- set last = last_published_version() -%}
    {%- if audits_everything() -%}
        false
    {%- elif quarantines_since_publication() -%}
        (valid_from_version > {{ last }} or (valid_to_version > {{ last }} and valid_to_version != 4294967295))
    {%- else -%}
        valid_from_version > {{ last }}
    {%- endif -%}
{%- endmacro -%}

{%- macro quarantines_since_publication() -%}
    {%- if not execute -%}{{ return(false) }}{%- endif -%}
    {{ return(scalar('select count() from ops.quarantine') | int > 0) }}
{%- endmacro -%}

{#- Condition on bars: on a day in scope, in a partition with one. -#}
{%- macro bars_in_scope() -%}
    {%- set scope = ref('dq_scope_days') -%}
    {%- if audits_everything() -%}
    true
    {%- else -%}
    {{ in_scoped_partitions() }}
    and (instrument_id, timeframe, toDate(open_time)) in (
        select scope.instrument_id, scope.timeframe, scope.day from {{ scope }} as scope
    )
    {%- endif -%}
{%- endmacro -%}

{#- Whether findings at that time count, or the rows are read only for context. -#}
{%- macro in_audited_day(time) -%}
    {%- set days = audited_days() -%}
    {%- if audits_everything() -%}
        true
    {%- else -%}
        cast((instrument_id, timeframe, toDate({{ time }})) in ({{ days }}) as Bool)
    {%- endif -%}
{%- endmacro -%}

{#- The days whose findings count, if the run does not cover everything. -#}
{%- macro audited_days() -%}
    select scope.instrument_id, scope.timeframe, scope.day
    from {{ ref('dq_scope_days') }} as scope
    where scope.is_audited
{%- endmacro -%}
