"""Bars for backtrader: a data feed whose bars carry the time at which they were known."""

from typing import Any

from alphaforge_data import timeframes
from alphaforge_data.adapters import tables
from alphaforge_data.frame import Frame


def feed(bars: Frame, **parameters: Any) -> Any:
    """A `backtrader.feeds.PandasData` of one instrument's bars, read with `columns="all"`.

    Each bar carries its last millisecond, in UTC without a zone. Feeds of several timeframes are lined up by that
    time: labelled by its open time, a day's bar would be there 23 hours before its close. `parameters` go to
    PandasData.

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
