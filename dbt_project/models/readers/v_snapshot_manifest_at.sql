{{ config(materialized='parameterized_view') }}

{{ view_manifest_at() }}
