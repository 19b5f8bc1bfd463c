{#- An audit is declared once, by its test `audit_passes` in the YAML of the table that it checks: dataset, severity,
    thresholds, and the condition of a row rule. Results, tests and the publication gate read it from there. #}
{%- macro audit_tests() -%}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- set known = build_facts() -%}
    {%- if 'audit_tests' not in known -%}
        {%- set found = [] -%}
        {%- for test in graph.nodes.values()
            if test.resource_type == 'test' and test.get('test_metadata', {}).get('name') == 'audit_passes' -%}
            {%- do found.append(test) -%}
        {%- endfor -%}
        {%- do known.update({'audit_tests': found}) -%}
    {%- endif -%}
    {{ return(known['audit_tests']) }}
{%- endmacro -%}

{#- Every audit: name → [dataset, highest severity]. Audits of `raw` cover rows of every dataset, and their findings
    name the dataset. -#}
{%- macro audits() -%}
    {%- set declared = {} -%}
    {%- for test in audit_tests() -%}
        {%- set given = test.test_metadata.kwargs -%}
        {%- do declared.update({test.name: [given.dataset, given.reports]}) -%}
    {%- endfor -%}
    {{ return(declared) }}
{%- endmacro -%}

{#- Rules that every row of a mart must satisfy: name → {severity, rule, worst, shown}. `rule` is an SQL condition,
    `worst` an expression for how far a row deviates, and `shown` the text to display. -#}
{%- macro row_rules(mart) -%}
    {%- set rules = {} -%}
    {%- for test in audit_tests()
        if test.attached_node == 'model.market_data.' ~ mart and test.test_metadata.kwargs.get('rule') -%}
        {%- set given = test.test_metadata.kwargs -%}
        {%- do rules.update({test.name: {
            'severity': given.reports,
            'rule': render(given.rule),
            'worst': render(given.get('worst', 'null')),
            'shown': given.get('shown'),
        }}) -%}
    {%- endfor -%}
    {{ return(rules) }}
{%- endmacro -%}

{#- A threshold declared by an audit; var `audit_overrides` overrides some for a run. 0 while dbt parses the project.
    -#}
{%- macro threshold(name) -%}
    {%- if not execute -%}{{ return(0) }}{%- endif -%}
    {%- set declared = {} -%}
    {%- for test in audit_tests() -%}
        {%- do declared.update(test.test_metadata.kwargs.get('thresholds', {})) -%}
    {%- endfor -%}
    {%- set all = dict(declared, **var('audit_overrides')) -%}
    {%- for unknown in [name] + var('audit_overrides').keys() | list if unknown not in declared -%}
        {%- do exceptions.raise_compiler_error(
            "'" ~ unknown ~ "' is not a threshold of an audit: allowed are " ~ declared.keys() | sort | join(', ')
            ~ ' (declared with the audits in dbt_project/models, docs/audits.md).') -%}
    {%- endfor -%}
    {%- if all[name] is not number or all[name] is boolean -%}
        {%- do exceptions.raise_compiler_error(
            "the threshold '" ~ name ~ "' is " ~ all[name] ~ ': it must be a number.') -%}
    {%- endif -%}
    {{ return(all[name]) }}
{%- endmacro -%}

{#- The threshold return_warn_<timeframe> of a row's timeframe. Each timeframe needs one. -#}
{%- macro return_threshold() -%}
    multiIf(
        {%- for timeframe in var('timeframes') %}
        timeframe = '{{ timeframe }}', {{ threshold('return_warn_' ~ timeframe) }},
        {%- endfor %}
        null
    )
{%- endmacro -%}

{#- Declared audits as rows: audit, dataset, severity. -#}
{%- macro audit_catalog() -%}
    select
        declared.1 as audit,
        declared.2 as dataset,
        declared.3 as severity
    from (
        select
            arrayJoin([
                {%- for name, declared in audits().items() %}
                ('{{ name }}', '{{ declared[0] }}', '{{ declared[1] }}'){{ ',' if not loop.last }}
                {%- endfor %}
            ]) as declared
    )
{%- endmacro -%}
