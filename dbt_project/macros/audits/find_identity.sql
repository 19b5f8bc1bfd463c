{#- Whether a series is one asset all the time: a venue may list another asset under a ticker that it used before. -#}

{#- By instrument: when it was listed by the newest state that says so, and whether an earlier state said another time. -#}
{%- macro newest_listings() -%}
(
    select
        instrument_id,
        argMax(known.moment, known.valid_from) as listed_at,
        min(known.moment) < subtractHours(listed_at, {{ threshold('identity_gap_hours') }}) as has_moved
    from (
        select instrument_id, valid_from, assumeNotNull(listed_at) as moment
        from {{ ref('instruments') }} final
        where {{ open_rows() }} and isNotNull(listed_at)
    ) as known
    group by instrument_id
)
{%- endmacro -%}

{%- macro before_listing_detail(rows) -%}
    concat(
        '{{ rows }} from before the listing at ', toString(listed_at), ', perhaps of another asset: ',
        if(has_moved, 'the venue moved the time of listing', 'there is a hole before it')
    )
{%- endmacro -%}

{#- The same within a day. -#}
{%- macro find_jumps_within_days() -%}
    {{ jumps() }}
from (
    select
        instrument_id,
        timeframe,
        is_audited,
        lagInFrame(last_open_time) over hours as gap_from,
        first_open_time as gap_to,
        lagInFrame(close) over hours as close_before,
        open as open_after
    from {{ ref('dq_bar_hours') }}
    window hours as (
        partition by instrument_id, timeframe, toDate(hour) order by hour rows between 1 preceding and current row
    )
)
where
    is_audited and gap_from > toDateTime64('1970-01-02 00:00:00', 3, 'UTC') and dateDiff('hour', gap_from, gap_to) > 1
    and {{ is_jump() }}
{%- endmacro -%}

{%- macro jumps() -%}
select
    'bars_jump_across_gap' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    gap_from as range_start,
    addMilliseconds(gap_to, 1) as range_end,
    toUInt64(2) as rows,
    open_after / close_before - 1 as worst,
    concat(
        'from ', toString(close_before), ' to ', toString(open_after), ' across ', toString(dateDiff('hour', gap_from, gap_to)),
        ' h without bars, perhaps another asset'
    ) as detail,
    {{ listing('bars') }} as rows_sql
{%- endmacro -%}

{%- macro is_jump() -%}
    close_before > 0 and open_after > 0
    and greatest(open_after / close_before, close_before / open_after) > 1 + {{ threshold('gap_jump_warn') }}
{%- endmacro -%}

{%- macro days_with_bars() -%}
    select instrument_id, day from {{ series_days_at(build_version()) }} where bars > 0
{%- endmacro -%}
