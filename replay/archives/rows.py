"""Rows of an archive file as CSV text; a value that was not recorded is an empty field."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from replay.market import Bar, Funding


def binance_klines(bars: Sequence[Bar], step_ms: int, microseconds: bool) -> list[str]:
    """Open time, prices, volume, close time, quote volume, trades, taker volumes, ignore."""
    unit, last = (1000, 999) if microseconds else (1, 0)
    return [
        _line(
            bar.open_time * unit,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            (bar.open_time + step_ms - 1) * unit + last,
            bar.quote_volume,
            bar.trades,
            bar.taker_base,
            bar.taker_quote,
            0,
        )
        for bar in bars
    ]


def binance_funding(events: Sequence[Funding], hours: int = 8) -> list[str]:
    """Time, interval in hours, rate."""
    gaps = [round((b.time - a.time) / 3_600_000) for a, b in pairwise(events)]
    intervals = [*gaps, gaps[-1] if gaps else hours]
    return [_line(event.time, gap, event.rate) for event, gap in zip(events, intervals, strict=True)]


def okx_candles(bars: Sequence[Bar], instrument: str) -> list[str]:
    """As OKX files have them; `confirm` is 0 in older files although every bar is closed (3p)."""
    return [
        _line(
            instrument,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            bar.quote_volume,
            bar.quote_volume,
            bar.open_time,
            0,
        )
        for bar in bars
    ]


def okx_funding(events: Sequence[Funding], instrument: str) -> list[str]:
    """The rate that was paid."""
    return [_line(instrument, event.rate, event.time) for event in events]


def _line(*values: Any) -> str:
    return ",".join("" if value is None else str(value) for value in values)
