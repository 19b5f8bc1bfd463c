{{ config(materialized='parameterized_view') }}
{%- set id = '{snapshot_id:String}' %}

select {{ id }} as snapshot_id, gaps.*
from ({{ bar_gaps('assumeNotNull(' ~ version_of_parameter(ref('snapshots')) ~ ')') }}) as gaps
