{{ config(materialized='parameterized_view', schema='marts') }}
{%- set version = "(select any(named.data_version) + throwIf(count() != 1, 'unknown snapshot_id: marts.v_snapshots lists the published ones') from "
    ~ ref('snapshots') ~ ' as named where named.snapshot_id = {snapshot_id:String})' %}
{%- set moment = '(select max(told.audited_at) from ' ~ ref('dq_audit_results') ~ ' as told where told.run = ' ~ version ~ ')' %}
select {snapshot_id:String} as snapshot_id, days.*
from ({{ dataset_condition('assumeNotNull(' ~ version ~ ')', 'assumeNotNull(' ~ moment ~ ')') }}) as days
