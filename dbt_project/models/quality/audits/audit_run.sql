{#- Which run rendered the audits: dbt renders an ephemeral model once and keeps it with the manifest (queries_of). #}
select '{{ invocation_id }}' as invocation_id
