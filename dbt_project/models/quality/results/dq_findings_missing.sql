{{ config(materialized='work_table', schema='staging', order_by=['audit', 'instrument_id']) }}
{#- Refs inside macros that run conditionally: #}
-- depends_on: {{ ref('bars') }}
-- depends_on: {{ ref('dq_series_days') }}
-- depends_on: {{ ref('instruments') }}
-- depends_on: {{ ref('funding_rates') }}
-- depends_on: {{ ref('universe_series') }}
{{ findings_of_missing() }}
