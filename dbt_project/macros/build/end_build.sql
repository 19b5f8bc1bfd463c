{#- Releases the claim: finished, or failed if any node failed. Does nothing in a run without a claim. -#}
{%- macro end_build(results) -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set mine = live_builds() | selectattr('invocation_id', 'equalto', invocation_id) | list -%}
        {%- if mine -%}
            {%- set bad = results | selectattr('status', 'in', ['error', 'fail', 'runtime error']) | list -%}
            {%- do record_tests(results) -%}
            {%- do record_build_state('failed' if bad else 'finished') -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro -%}
