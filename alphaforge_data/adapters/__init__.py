"""Bars of a pinned snapshot in the form that backtesting libraries take.

Each module is imported on its own and needs its library: `vectorbt`, `backtesting`, `backtrader`, `freqtrade` (which is
only run, not imported) and `nautilus` (nautilus_trader).
"""
