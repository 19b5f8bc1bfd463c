{{
    config(
        materialized='versioned',
        unique_key=['date'],
        post_hook="{{ apply_quarantine('fear_greed') }}",
        meta={'entities': ['fear_greed'], 'rows_of_every_page': true},
    )
}}
{#- The build records conflicting rows there before it adds the others. #}
{%- set waits_for = ref('dq_conflicting_rows') %}

with candidates as ({{ union_leaves('fear_greed', 'fear_greed') }}
)

select
    assumeNotNull(date) as date,
    assumeNotNull(value) as value,
    classification,
    source,
    ingested_at,
    {{ version_columns() }}
from candidates
where problem = ''
