{{ config(materialized='work_table', schema='staging', order_by=['audit', 'instrument_id']) }}
{#- Refs inside macros that run conditionally: #}
-- depends_on: {{ ref('bars') }}
-- depends_on: {{ ref('dq_bar_hours') }}
-- depends_on: {{ ref('dq_conflicting_rows') }}
-- depends_on: {{ ref('universe_series') }}
{{ findings_of_bars() }}
