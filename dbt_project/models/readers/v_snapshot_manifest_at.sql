{{ config(materialized='parameterized_view') }}

{{ view_manifest_at() }}
-- depends_on: {{ ref('snapshots') }}
-- depends_on: {{ ref('snapshot_manifest') }}
