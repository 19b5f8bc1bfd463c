{{ config(materialized='parameterized_view') }}
{{ bar_gaps_at() }}
