"""A moving average crossover for freqtrade."""

from typing import Any

from freqtrade.strategy import IStrategy
from pandas import DataFrame


class Cross(IStrategy):
    """Long while the fast mean is above the slow one."""

    timeframe = "1h"
    can_short = False
    minimal_roi = {"0": 10}  # noqa: RUF012 - freqtrade's own form
    stoploss = -0.99
    startup_candle_count = 30

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["fast"] = dataframe["close"].rolling(10).mean()
        dataframe["slow"] = dataframe["close"].rolling(30).mean()
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe.loc[dataframe["fast"] > dataframe["slow"], "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe.loc[dataframe["fast"] < dataframe["slow"], "exit_long"] = 1
        return dataframe
