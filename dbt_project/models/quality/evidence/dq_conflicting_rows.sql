{{
    config(
        materialized='record',
        schema='marts',
        order_by=['dataset', 'instrument_id', 'timeframe', 'event_time'],
    )
}}
{#- The marts add to it before their pages count as done: macros/versioned/conflicts.sql. #}
select 1
