{{ config(materialized='parameterized_view', schema='marts') }}
{{ dataset_condition_at('snapshots', 'dq_audit_results') }}
