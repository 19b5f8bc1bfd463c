"""Bars for vectorbt: its Data object, with one column per instrument."""

from typing import Any

from alphaforge_data.adapters import tables
from alphaforge_data.frame import Frame

_NAMES = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}


def data(bars: Frame, missing_index: str = "raise") -> Any:
    """A `vectorbt.Data` of the bars, indexed by open time in UTC.

    Parameters
    ----------
    bars : Frame
        Of one or several instruments, of one timeframe.
    missing_index : {'raise', 'nan', 'drop'}
        How to treat open times that not every instrument has.

    Returns
    -------
    vectorbt.Data
        `data.get("Close")` is a Series, or a DataFrame with one column per instrument.

    Examples
    --------
    >>> closes = data(client.bars(["BTC/USDT", "ETH/USDT"], "1d", venue="okx")).get("Close")   # doctest: +SKIP
    """
    import vectorbt

    frames = {
        name: tables.pandas_ohlcv(table, "open_time").rename(columns=_NAMES)
        for name, table in tables.by_instrument(bars).items()
    }
    # download_kwargs: from_data passes it on to an argument that has no default.
    return vectorbt.Data.from_data(
        frames, tz_localize=None, tz_convert=None, missing_index=missing_index, download_kwargs={}
    )
