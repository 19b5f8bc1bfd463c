{{ config(materialized='work_table', schema='staging', order_by=['audit', 'instrument_id']) }}
{#- Refs inside macros that run conditionally: #}
-- depends_on: {{ ref('bars') }}
-- depends_on: {{ ref('funding_rates') }}
-- depends_on: {{ ref('instruments') }}
-- depends_on: {{ ref('fear_greed') }}
-- depends_on: {{ ref('dq_rejected_rows') }}
-- depends_on: {{ ref('dq_conflicting_rows') }}
-- depends_on: {{ ref('dq_lane_differences') }}
-- depends_on: {{ ref('dq_live_differences') }}
-- depends_on: {{ ref('dq_bar_hours') }}
-- depends_on: {{ ref('universe_series') }}
{{ findings_of_others() }}
