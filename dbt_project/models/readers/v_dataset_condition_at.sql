{{ config(materialized='parameterized_view', schema='marts') }}
{{ dataset_condition_at('snapshots', 'dq_audit_results') }}
-- depends_on: {{ ref('snapshots') }}
-- depends_on: {{ ref('dq_audit_results') }}
