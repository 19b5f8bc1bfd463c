"""Bars of a pinned snapshot in the formats of backtesting libraries.

Each module is imported separately and needs its library: `vectorbt`, `backtesting`, `backtrader`, `freqtrade` (which is
run as a program, not imported) and `nautilus` (nautilus_trader).
"""
