"""Reasons why a backtest on a snapshot is refused: one message each, with the next step."""

from datetime import datetime

import pandas as pd

from mdw.backtest.parameters import Parameters
from warehouse.errors import BadInput

_MINUTE = "%Y-%m-%d %H:%M"


def no_bars(snapshot_id: str, parameters: Parameters, instruments: list[str]) -> BadInput:
    """Entire series are absent."""
    return BadInput(
        f"Snapshot {snapshot_id!r} has no {parameters.timeframe} bars of {', '.join(instruments)}. "
        "Choose other symbols or another timeframe, or `mdw backfill` them and `mdw build`."
    )


def too_short(snapshot_id: str, parameters: Parameters, start: datetime, end: datetime, needed: int) -> BadInput:
    """The window is too short for the lookback and two rebalances."""
    return BadInput(
        f"Snapshot {snapshot_id!r} offers {start:{_MINUTE}} to {end:{_MINUTE}} UTC for all of "
        f"{', '.join(parameters.symbols)} ({parameters.timeframe}, {parameters.venue} {parameters.market}): "
        f"too little. {needed} days are needed for a lookback of {parameters.lookback_days} days, a volatility "
        f"of {parameters.volatility_days} days and two rebalances. `mdw backfill` more history and `mdw build`, "
        "or shorten the lookback."
    )


def too_many_gaps(snapshot_id: str, parameters: Parameters, present: int, missing: pd.DataFrame) -> BadInput:
    """More bars are missing than the parameters allow."""
    absent = int(missing["missing_bars"].sum())
    total = present + absent
    widest = missing.sort_values(["missing_bars", "gap_start"], ascending=[False, True]).head(3)
    named = "; ".join(
        f"{row['instrument_id']} {row['gap_start']:{_MINUTE}} to {row['gap_end']:{_MINUTE}} ({row['missing_bars']})"
        for row in widest.to_dict("records")
    )
    return BadInput(
        f"Snapshot {snapshot_id!r} lacks {absent} of {total} {parameters.timeframe} bars of this window "
        f"({absent / total:.1%}; allowed {parameters.max_missing_share:.1%}). Widest: {named}. Choose a window "
        "without them, or fetch them (`mdw backfill`, `mdw build`) and use the new snapshot."
    )


def no_funding(snapshot_id: str, instrument: str, start: datetime, end: datetime) -> BadInput:
    """A funding payment is missing."""
    return BadInput(
        f"Snapshot {snapshot_id!r} has no funding of {instrument} between {start:{_MINUTE}} and "
        f"{end:{_MINUTE}} UTC. Choose a window that has it, fetch it (`mdw backfill --dataset funding`, "
        "`mdw build`), or set funding to false and say so where you show the result."
    )


def too_few_rebalances(parameters: Parameters, start: datetime, end: datetime, count: int) -> BadInput:
    """There were fewer than two rebalances."""
    return BadInput(
        f"The window {start:{_MINUTE}} to {end:{_MINUTE}} UTC has {count} rebalances after the lookback; two are "
        f"needed (every {parameters.rebalance_days} days). Widen the window, or shorten lookback_days, "
        "volatility_days or rebalance_days."
    )


def no_trades(parameters: Parameters, count: int) -> BadInput:
    """The strategy stayed in cash throughout."""
    return BadInput(
        f"Nothing was traded: no symbol had a {parameters.lookback_days}-day return above 0 and known prices at any "
        f"of {count} rebalances. Choose another window or more symbols, or allow short on perpetuals."
    )
