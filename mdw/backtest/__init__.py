"""A real backtest on the published views, pinned to a snapshot and exactly repeatable.

Strategy: time-series momentum over several symbols, positions scaled to a volatility target, weekly
rebalancing, commission, slippage and (perpetuals) funding paid; simulated by the library `bt`. All data
is read through `alphaforge_data`.
"""

from mdw.backtest.parameters import Parameters
from mdw.backtest.result import Result
from mdw.backtest.run import run

__all__ = ["Parameters", "Result", "run"]
