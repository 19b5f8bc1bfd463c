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

{#- Bars from before the instrument was listed, unless they lead up to it without a hole: Binance's first perpetuals have
    an onboardDate some days after their first bars. -#}
{%- macro find_bars_before_listing() -%}
select
    'bars_before_listing' as audit,
    'warn' as severity,
    instrument_id,
    timeframe,
    first_before as range_start,
    addMilliseconds(last_before, 1) as range_end,
    bars_before as rows,
    toFloat64(gap_hours) as worst,
    {{ before_listing_detail('bars') }} as detail,
    {{ listing('bars') }} as rows_sql
from (
    select
        days.instrument_id as instrument_id,
        days.timeframe as timeframe,
        any(listings.listed_at) as listed_at,
        any(listings.has_moved) as has_moved,
        minIf(days.first_open_time, days.first_open_time < listings.listed_at) as first_before,
        maxIf(
            least(days.last_open_time, subtractMilliseconds(listings.listed_at, 1)), days.first_open_time < listings.listed_at
        ) as last_before,
        sumIf(days.bars, days.last_open_time < listings.listed_at) as bars_before,
        minOrNullIf(
            greatest(days.first_open_time, listings.listed_at), days.last_open_time >= listings.listed_at
        ) as first_after,
        dateDiff('hour', last_before, ifNull(first_after, listed_at)) as gap_hours
    from {{ series_days_at(build_version()) }} as days
    inner join {{ newest_listings() }} as listings on days.instrument_id = listings.instrument_id
    where days.bars > 0
    group by days.instrument_id, days.timeframe
)
where bars_before > 0 and (has_moved or gap_hours > {{ threshold('identity_gap_hours') }})
{%- endmacro -%}

{%- macro find_funding_before_listing() -%}
select
    'funding_before_listing' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    first_before as range_start,
    addMilliseconds(last_before, 1) as range_end,
    payments_before as rows,
    toFloat64(gap_hours) as worst,
    {{ before_listing_detail('payments') }} as detail,
    {{ listing('funding_rates', time='funding_time') }} as rows_sql
from (
    select
        payments.instrument_id as instrument_id,
        any(listings.listed_at) as listed_at,
        any(listings.has_moved) as has_moved,
        minIf(payments.funding_time, payments.funding_time < listings.listed_at) as first_before,
        maxIf(payments.funding_time, payments.funding_time < listings.listed_at) as last_before,
        countIf(payments.funding_time < listings.listed_at) as payments_before,
        minOrNullIf(payments.funding_time, payments.funding_time >= listings.listed_at) as first_after,
        dateDiff('hour', last_before, ifNull(first_after, listed_at)) as gap_hours
    from (select * from {{ ref('funding_rates') }} final where {{ open_rows() }}) as payments
    inner join {{ newest_listings() }} as listings on payments.instrument_id = listings.instrument_id
    group by payments.instrument_id
)
where
    payments_before > 0
    and (
        has_moved or gap_hours > {{ threshold('identity_gap_hours') }}
        or instrument_id in (select earlier.instrument_id from ({{ find_bars_before_listing() }}) as earlier)
    )
{%- endmacro -%}

{%- macro before_listing_detail(rows) -%}
    concat(
        '{{ rows }} from before the listing at ', toString(listed_at), ', perhaps of another asset: ',
        if(has_moved, 'the venue moved the time of listing', 'there is a hole before it')
    )
{%- endmacro -%}

{#- A price that is another one after a hole of more than an hour, over days: between the last bar of a day and the first one
    of the next day that has bars. -#}
{%- macro find_jumps_across_days() -%}
    {%- set edges -%}
        select
            instrument_id,
            timeframe,
            lagInFrame(last_open_time) over (
                partition by instrument_id, timeframe order by day rows between 1 preceding and current row
            ) as gap_from,
            first_open_time as gap_to
        from {{ series_days_at(build_version()) }}
        where bars > 0
    {%- endset -%}
    {%- set holes -%}
        select * from ({{ edges }})
        where gap_from > toDateTime64('1970-01-02 00:00:00', 3, 'UTC') and dateDiff('hour', gap_from, gap_to) > 1
    {%- endset -%}
    {%- set edge_bars -%}
        (
            select instrument_id, timeframe, open_time, open, close
            from {{ ref('bars') }} final
            where
                {{ open_rows() }}
                and (instrument_id, timeframe, open_time) in (
                    select instrument_id, timeframe, arrayJoin([gap_from, gap_to]) from ({{ holes }})
                )
        )
    {%- endset -%}
    {{ jumps() }}
from (
    select
        holes.instrument_id as instrument_id,
        holes.timeframe as timeframe,
        holes.gap_from as gap_from,
        holes.gap_to as gap_to,
        last_bar.close as close_before,
        first_bar.open as open_after
    from ({{ holes }}) as holes
    inner join {{ edge_bars }} as last_bar
        on
            holes.instrument_id = last_bar.instrument_id and holes.timeframe = last_bar.timeframe
            and holes.gap_from = last_bar.open_time
    inner join {{ edge_bars }} as first_bar
        on
            holes.instrument_id = first_bar.instrument_id and holes.timeframe = first_bar.timeframe
            and holes.gap_to = first_bar.open_time
)
where {{ is_jump() }}
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

{#- Payments on days on which the perpetual has no bar of any timeframe, nor on the day that led up to the payment, although
    bars were asked for: one finding a run of such days. Instruments of which no bars are wanted have nothing to compare. -#}
{%- macro find_funding_without_bars() -%}
select
    'funding_without_bars' as audit,
    'warn' as severity,
    instrument_id,
    '' as timeframe,
    min(first_time) as range_start,
    addMilliseconds(max(last_time), 1) as range_end,
    sum(payments) as rows,
    cast(null as Nullable(Float64)) as worst,
    concat(toString(sum(payments)), ' payments at times without a bar') as detail,
    {{ listing('funding_rates', time='funding_time') }} as rows_sql
from (
    select
        *,
        dateDiff('day', toDate('1970-01-01'), day) - row_number() over (partition by instrument_id order by day) as run
    from (
        select
            payments.instrument_id as instrument_id,
            toDate(payments.funding_time) as day,
            min(payments.funding_time) as first_time,
            max(payments.funding_time) as last_time,
            count() as payments
        from (
            select instrument_id, funding_time
            from {{ ref('funding_rates') }} final
            where
                {{ open_rows() }}
                and instrument_id in (select instrument_id from {{ ref('universe_series') }} where dataset = 'bars')
                and (instrument_id, toDate(funding_time)) not in ({{ days_with_bars() }})
                and (instrument_id, toDate(subtractMilliseconds(funding_time, 1))) not in ({{ days_with_bars() }})
        ) as payments
        inner join (
            select
                concat(venue, ':', market, ':', symbol) as instrument_id,
                groupUniqArray((assumeNotNull(window_start), assumeNotNull(window_end))) as windows
            from {{ source('ops', 'coverage') }}
            where dataset = 'bars' and isNotNull(window_start) and isNotNull(window_end)
            group by instrument_id
        ) as asked on payments.instrument_id = asked.instrument_id
        where arrayExists(span -> span.1 < payments.funding_time and payments.funding_time <= span.2, asked.windows)
        group by payments.instrument_id, day
    )
)
group by instrument_id, run
{%- endmacro -%}

{%- macro days_with_bars() -%}
    select instrument_id, day from {{ series_days_at(build_version()) }} where bars > 0
{%- endmacro -%}
