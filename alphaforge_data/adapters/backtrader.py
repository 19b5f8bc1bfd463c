"""Bars for backtrader: a data feed whose bars are labelled with the time at which they were known."""

from typing import Any

from alphaforge_data import timeframes
from alphaforge_data.adapters import tables
from alphaforge_data.frame import Frame


def feed(bars: Frame, **parameters: Any) -> Any:
    """A `backtrader.feeds.PandasData` of one instrument's bars, read with `columns="all"`.

    Each bar is labelled with its last millisecond, in UTC without a time zone. Feeds of several timeframes are aligned
    by that label: labelled by its open time, a daily bar would be visible 23 hours before its close. `parameters` are
    passed to PandasData.

    Examples
    --------
    >>> cerebro.adddata(feed(client.bars("BTC/USDT", "1h", venue="okx", columns="all")))   # doctest: +SKIP
    """
    import backtrader
    import pandas as pd

    table = tables.only(bars, ("close_time", "timeframe"))
    frame = tables.pandas_ohlcv(table, "close_time", zone=False)
    frame.index = frame.index - pd.Timedelta(milliseconds=1)
    minutes = timeframes.length(tables.constant(table, "timeframe")) // timeframes.MINUTE
    is_days = minutes % 1440 == 0
    kind = backtrader.TimeFrame.Days if is_days else backtrader.TimeFrame.Minutes
    settings = {"timeframe": kind, "compression": minutes // 1440 if is_days else minutes, "openinterest": None}
    return backtrader.feeds.PandasData(dataname=frame, **(settings | parameters))
