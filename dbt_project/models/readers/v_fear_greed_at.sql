{{ config(materialized='parameterized_view') }}

{{ view_at('fear_greed') }}
