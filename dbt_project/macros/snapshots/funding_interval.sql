{#- Payments of a mart, filtered by a condition on versions, each with the steps around it in minutes (NULL if there is
    none): `step` from the previous payment, `step_before` the one before that, `step_after` and `step_after_next` the
    following ones. -#}
{%- macro funding_steps(mart, versions) -%}
select
    *,
    dateDiff('minute', previous_time, funding_time) as step,
    dateDiff('minute', time_before, previous_time) as step_before,
    dateDiff('minute', funding_time, next_time) as step_after,
    dateDiff('minute', next_time, time_after) as step_after_next
from (
    select
        *,
        lagInFrame(toNullable(funding_time), 2) over series as time_before,
        lagInFrame(toNullable(funding_time)) over series as previous_time,
        leadInFrame(toNullable(funding_time)) over series as next_time,
        leadInFrame(toNullable(funding_time), 2) over series as time_after
    from {{ mart }} final
    where {{ versions }}
    window series as (
        partition by instrument_id order by funding_time rows between unbounded preceding and unbounded following
    )
)
{%- endmacro -%}

{#- Whether a step may be a funding period: whole hours, at most a day. -#}
{%- macro may_be_period(step) -%}
    ifNull({{ step }} between 60 and 1440 and {{ step }} % 60 = 0, false)
{%- endmacro -%}

{#- Whether a step divides another one. Avoids division by 0 for two payments at one time. -#}
{%- macro divides(step, whole) -%}
    ifNull({{ whole }} % greatest(ifNull({{ step }}, 1), 1) = 0, false)
{%- endmacro -%}

{#- Whether a step is one period. OKX has intervals of 1, 2, 4, 6, 8, 12 and 24 hours (?) and Binance of 1, 4 and 8, and
    at a change there may be one of any length shorter than the longer of the two. If a step is longer than both of its
    neighbours, a payment is missing. A step without neighbours must divide the day. -#}
{%- macro is_one_period() -%}
    (
        {{ may_be_period('step') }}
        and (
            step <= greatest(
                if({{ may_be_period('step_before') }}, assumeNotNull(step_before), 0),
                if({{ may_be_period('step_after') }}, assumeNotNull(step_after), 0)
            )
            or (not {{ may_be_period('step_before') }} and not {{ may_be_period('step_after') }} and {{ divides('step',
                1440) }})
        )
    )
{%- endmacro -%}

{#- The funding period of a payment in minutes; NULL if it cannot be determined. After a missing payment it is the step
    on both sides, if that fits; for the first payment it is the following step, if that occurs twice. -#}
{%- macro funding_period() -%}
    multiIf(
        {{ is_one_period() }}, step,
        isNull(step),
        if({{ may_be_period('step_after') }} and ifNull(step_after_next = step_after, true), step_after, null),
        {{ may_be_period('step_after') }} and {{ divides('step_after', 'step') }}
        and ifNull(step_before = step_after, not {{ divides('step', 1440) }}), step_after,
        null
    )
{%- endmacro -%}

{#- The rule for snapshots published before rules were numbered: intervals of 1, 2, 4 and 8 hours. -#}
{%- macro funding_period_before_rules() -%}
    multiIf(
        step in (60, 120, 240, 480), step,
        step_after in (60, 120, 240, 480), step_after,
        null
    )
{%- endmacro -%}
