{{ config(materialized='work_table', schema='staging', order_by=['audit', 'instrument_id']) }}
{#- Audits of what is not there, and of identity: they wait for dq_series_days, and no other audit does. #}
{{ findings_of([
    ref('bars_missing'),
    ref('bars_fresh'),
    ref('bars_before_listing'),
    ref('bars_jump_across_gap'),
    ref('funding_before_listing'),
    ref('funding_without_bars'),
]) }}
