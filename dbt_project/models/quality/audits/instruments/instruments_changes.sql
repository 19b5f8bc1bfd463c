{#- States that are new in this run and differ from the previous one. #}
{% set shown = [
    'status', 'tick_size', 'lot_size', 'min_qty', 'min_notional', 'contract_size', 'listed_at', 'venue_symbol',
] %}
select
    'instruments_changes' as audit,
    'info' as severity,
    instrument_id,
    '' as timeframe,
    valid_from as range_start,
    addMilliseconds(valid_from, 1) as range_end,
    toUInt64(1) as `rows`,
    cast(null as Nullable(Float64)) as worst,
    arrayStringConcat(changes, ', ') as detail,
    concat(
        'select * from marts.instruments final where instrument_id = ''', instrument_id, ''' order by valid_from'
    ) as rows_sql
from (
    select
        instrument_id,
        valid_from,
        valid_from_version,
        row_number() over states as number,
        arrayFilter(text -> text != '', [
            {%- for name in shown %}
            if(
                isNotDistinctFrom({{ name }}, lagInFrame({{ name }}) over states), '',
                concat(
                    '{{ name }} ', ifNull(toString(lagInFrame({{ name }}) over states), 'unknown'),
                    ' -> ', ifNull(toString({{ name }}), 'unknown')
                )
            ){{ ',' if not loop.last }}
            {%- endfor %}
        ]) as changes
    from {{ ref('instruments') }} final
    where {{ open_rows() }}
    window states as (partition by instrument_id order by valid_from rows between unbounded preceding and current row)
)
where
    number > 1
    and notEmpty(changes)
    and valid_from_version > {{ 0 if audits_everything() else last_published_version() }}
