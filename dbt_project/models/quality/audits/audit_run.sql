{#- Identifies the run that rendered the audits: dbt renders an ephemeral model once and keeps it in the manifest
    (queries_of). #}
select '{{ invocation_id }}' as invocation_id
