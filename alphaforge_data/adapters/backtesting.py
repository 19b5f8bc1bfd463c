"""Bars for backtesting.py."""

from typing import Any

from alphaforge_data.adapters import tables
from alphaforge_data.frame import Frame

_NAMES = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}


def frame(bars: Frame) -> Any:
    """A DataFrame for `backtesting.Backtest`: Open, High, Low, Close, Volume, indexed by open time.

    The index is UTC without a time zone. backtesting.py fills an order at the open of the bar after the one that gave
    the signal, so it is safe to label a bar by its open time.

    Examples
    --------
    >>> Backtest(frame(client.bars("BTC/USDT", "1h", venue="okx")), Strategy).run()   # doctest: +SKIP
    """
    return tables.pandas_ohlcv(tables.only(bars), "open_time", zone=False).rename(columns=_NAMES)
