{#- The newest state of every instrument. -#}
{%- macro newest_instruments() -%}
(
    select *
    from {{ ref('instruments') }} final
    where {{ open_rows() }}
    order by instrument_id, valid_from desc
    limit 1 by instrument_id
)
{%- endmacro -%}
