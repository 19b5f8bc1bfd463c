{{ config(materialized='parameterized_view') }}

{{ view_at('instruments') }}
