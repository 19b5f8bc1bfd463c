{%- macro find_broken_instruments() -%}
    {{ find_broken_rules('instruments', 'valid_from', open_rows()) }}
{%- endmacro -%}

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

{#- Steps against what is traded: a tick near the price or a lot near a day's volume is a field read wrongly. A warning: one
    instrument must not keep all others from being published. -#}
{%- macro find_insane_steps() -%}
select
    'instruments_sane_steps' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    valid_from as range_start,
    addMilliseconds(valid_from, 1) as range_end,
    toUInt64(1) as rows,
    greatest(tick_share, lot_share) as worst,
    concat(
        'tick is ', toString(round(tick_share * 100, 4)), ' % of the price, lot ', toString(round(lot_share * 100, 4)),
        ' % of an hour''s volume'
    ) as detail,
    {{ listing('instruments', time='valid_from') }} as rows_sql
from (
    select
        instruments.instrument_id as instrument_id,
        instruments.valid_from as valid_from,
        ifNull(instruments.tick_size, 0) / traded.close as tick_share,
        if(traded.volume > 0, ifNull(instruments.lot_size, 0) / traded.volume, 0) as lot_share
    from {{ newest_instruments() }} as instruments
    inner join (
        select
            instrument_id,
            argMax(hours.close, hours.hour) as close,
            avg(hours.volume) as volume
        from {{ ref('dq_bar_hours') }} as hours
        where hours.close > 0
        group by instrument_id
    ) as traded on instruments.instrument_id = traded.instrument_id
)
where tick_share > {{ threshold('tick_share_warn') }} or lot_share > 1
{%- endmacro -%}

{#- Instruments of the universe that no listing of their market names. A market that was never listed is left to
    freshness. -#}
{%- macro find_absent_instruments() -%}
select
    'instruments_of_the_universe_present' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    toDateTime64('1970-01-01 00:00:00', 3, 'UTC') as range_start,
    {{ now_utc() }} as range_end,
    toUInt64(1) as rows,
    cast(null as Nullable(Float64)) as worst,
    'no listing of its market names it' as detail,
    concat('select * from marts.instruments where instrument_id = ''', instrument_id, '''') as rows_sql
from (select distinct instrument_id, venue, market from {{ ref('universe_series') }})
where
    (venue, market) in (select venue, market from {{ ref('instruments') }})
    and instrument_id not in (select instrument_id from {{ newest_instruments() }} where status != 'delisted')
{%- endmacro -%}

{#- States that this run sees for the first time and that differ from the one before. -#}
{%- macro find_instrument_changes() -%}
    {%- set shown = ['status', 'tick_size', 'lot_size', 'min_qty', 'min_notional', 'contract_size', 'listed_at', 'venue_symbol'] -%}
select
    'instruments_changes' as audit,
    'info' as severity,
    instrument_id,
    '' as timeframe,
    valid_from as range_start,
    addMilliseconds(valid_from, 1) as range_end,
    toUInt64(1) as rows,
    cast(null as Nullable(Float64)) as worst,
    arrayStringConcat(changes, ', ') as detail,
    concat('select * from marts.instruments final where instrument_id = ''', instrument_id, ''' order by valid_from') as rows_sql
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
                concat('{{ name }} ', ifNull(toString(lagInFrame({{ name }}) over states), 'unknown'), ' -> ', ifNull(toString({{ name }}), 'unknown'))
            ){{ ',' if not loop.last }}
            {%- endfor %}
        ]) as changes
    from {{ ref('instruments') }} final
    where {{ open_rows() }}
    window states as (partition by instrument_id order by valid_from rows between unbounded preceding and current row)
)
where number > 1 and notEmpty(changes) and valid_from_version > {{ 0 if audits_everything() else last_published_version() }}
{%- endmacro -%}
