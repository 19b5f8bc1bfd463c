{{ config(materialized='work_table', schema='staging', order_by=['audit', 'instrument_id']) }}
{#- Audits of missing bars and of identity: only these wait for dq_series_days. #}
{{ findings_of([
    ref('bars_missing'),
    ref('bars_fresh'),
    ref('bars_before_listing'),
    ref('bars_jump_across_gap'),
    ref('funding_before_listing'),
    ref('funding_without_bars'),
]) }}
