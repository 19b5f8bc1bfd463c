"""The SQL of this package. It is built only from names in views.py and fixed conditions; values are bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alphaforge_data import timeframes
from alphaforge_data.views import BARS, View

# Part of the cache key of resampled bars: to be incremented when `resampled` changes.
RESAMPLING = 3
Window = tuple[int | None, int | None]


@dataclass(frozen=True)
class Query:
    """SQL text and its bound values."""

    text: str
    parameters: dict[str, Any]


def rows(view: View, columns: Sequence[str], snapshot_id: str, where: Sequence[str] = (), **bound: Any) -> Query:
    """Columns of a view with conditions, in the view's order."""
    text = (
        f"select {', '.join(columns)} from marts.{view.name}(snapshot_id = {{snapshot_id:String}})"  # noqa: S608
        f"{_where(where)} order by {', '.join(view.order)}"
    )
    return Query(text, {"snapshot_id": snapshot_id, **bound})


def series(
    view: View, columns: Sequence[str], snapshot_id: str, instruments: Sequence[str], timeframe: str, window: Window
) -> Query:
    """Columns of several series, ordered by id and time."""
    where, bound = _series_conditions(view, instruments, timeframe, window)
    if len(instruments) == 1:
        # A single series is stored in order of time; sorting by a constant first would cost a sort.
        text = rows(view, columns, snapshot_id, where).text.replace(f"order by {view.order[0]}, ", "order by ")
        return Query(text, {"snapshot_id": snapshot_id, **bound})
    return rows(view, [view.order[0], *columns], snapshot_id, where, **bound)


def resampled(snapshot_id: str, instruments: Sequence[str], stored: str, timeframe: str, window: Window) -> Query:
    """Bars of `timeframe` from stored ones, with the number of stored bars that each was made of.

    A sum with an unknown part is unknown.
    """
    step = timeframes.length(timeframe)
    where, bound = _series_conditions(BARS, instruments, stored, window)
    text = f"""
with
    {timeframes.origin(step)} as origin,
    {step} as step
select
    instrument_id,
    period,
    first_open,
    highest,
    lowest,
    last_close,
    total_volume,
    total_quote_volume,
    total_trade_count,
    source_bars
from (
    select
        instrument_id,
        intDiv(toUnixTimestamp64Milli(open_time) - origin, step) * step + origin as began,
        fromUnixTimestamp64Milli(toInt64(began), 'UTC') as period,
        argMin(open, open_time) as first_open,
        max(high) as highest,
        min(low) as lowest,
        argMax(close, open_time) as last_close,
        {_sums("volume", "")}
        {_sums("assumeNotNull(quote_volume)", "quote_")}
        {_total("")} as total_volume,
        if(count(quote_volume) = count(), {_total("quote_")}, null) as total_quote_volume,
        if(count(trade_count) = count(), toInt64(sum(assumeNotNull(trade_count))), null) as total_trade_count,
        toInt64(count()) as source_bars
    from marts.v_bars_at(snapshot_id = {{snapshot_id:String}}){_where(where)}
    group by instrument_id, began
)
order by instrument_id, period
"""  # noqa: S608
    return Query(text, {"snapshot_id": snapshot_id, **bound})


def _sums(column: str, prefix: str) -> str:
    """The sums of a column's integer parts, and of its fractions in units of 1e-10.

    A sum of doubles depends on the order in which threads deliver them, but a pinned read must always be the same.
    Integers have exact sums, those of the fractions as doubles too (a week of minutes stays below 2^53). The fraction
    of a double times 1e10 rounds to the exact decimal as long as the double is below 2^18; larger ones have fewer
    decimals. (A cast to Decimal truncates instead of rounding: 481.15315 would become 481.153149999999.)
    """
    fraction = f"({column} - trunc({column}))"
    return f"""sum(toInt64({column})) as {prefix}whole,
        toInt64(sum(if({column} < 262144, round({fraction} * 1e10), round({fraction} * 1e7) * 1e3))) as {prefix}rest,"""


def _total(prefix: str) -> str:
    """The double nearest to the sum: one division of integers that a double holds exactly (below 2^53).

    Adding the whole part and the fraction would round twice: 13 + 0.82388 is 13.823879999999999. It is done only for
    sums above 900,000 with more than seven decimals, and above 900,000,000, where it errs in one of a million.
    """
    whole, rest = f"({prefix}whole + intDiv({prefix}rest, 10000000000))", f"({prefix}rest % 10000000000)"
    return f"""multiIf(
            {whole} < 900000, toFloat64({whole} * 10000000000 + {rest}) / 1e10,
            {whole} < 900000000 and {rest} % 1000 = 0,
            toFloat64({whole} * 10000000 + intDiv({rest}, 1000)) / 1e7,
            toFloat64({whole}) + toFloat64({rest}) / 1e10
        )"""


def between(column: str, window: Window) -> tuple[list[str], dict[str, int]]:
    """Conditions for start <= column < end in milliseconds since 1970, and their bound values."""
    where, bound = [], {}
    for name, operator, value in (("start", ">=", window[0]), ("end", "<", window[1])):
        if value is not None:
            where.append(f"{column} {operator} fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC')")
            bound[name] = value
    return where, bound


def _series_conditions(
    view: View, instruments: Sequence[str], timeframe: str, window: Window
) -> tuple[list[str], dict[str, Any]]:
    where, bound = between(view.time, window)
    conditions: list[str] = []
    parameters: dict[str, Any] = dict(bound)
    if len(instruments) == 1:
        conditions.append("instrument_id = {instrument_id:String}")
        parameters["instrument_id"] = instruments[0]
    else:
        conditions.append("instrument_id in {instrument_ids:Array(String)}")
        parameters["instrument_ids"] = sorted(instruments)
    if timeframe:
        conditions.append("timeframe = {timeframe:String}")
        parameters["timeframe"] = timeframe
    return conditions + where, parameters


def _where(conditions: Sequence[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""
