{{ config(materialized='work_table', schema='staging', order_by=['audit', 'instrument_id']) }}
{#- Audits that use hours of bars: everything that dq_bar_hours serves. #}
{{ findings_of([
    ref('bars_row_rules'),
    ref('bars_one_open_row'),
    ref('bars_series_of_the_universe'),
    ref('bars_hour_equals_its_minutes'),
    ref('bars_price_against_other_venues'),
    ref('bars_return_outliers'),
    ref('bars_flat_runs'),
    ref('bars_prices_keep_their_text'),
]) }}
