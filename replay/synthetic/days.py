"""One instrument's day: 1m bars as whole ticks and lots, and their roll-up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replay.synthetic.listings import DAY_MS, SPARSE_VENUES, Listing, outages_of_day
from replay.synthetic.paths import MINUTES, Floats, Paths, approx_normal, draws, fraction

Ints = NDArray[np.int64]
MINUTE_MS = 60_000
_VENUE_NOISE = 0.00012  # typical deviation of a venue's minute from the common price
_BASIS = {"spot": 1.0, "perp": 1.0004}


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars as integers: prices in ticks, volumes in lots of the base currency, `quote` in ticks times lots."""

    open_time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    lots: Ints
    quote: Ints
    trades: Ints
    taker_lots: Ints
    taker_quote: Ints

    def columns(self) -> tuple[Ints, ...]:
        """All columns in the order of the fields."""
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def take(self, rows: NDArray[np.bool_] | slice) -> "Bars":
        """A selection of rows."""
        return Bars(*(column[rows] for column in self.columns()))


def join(parts: list[Bars]) -> Bars:
    """Concatenated bars."""
    return Bars(*(np.concatenate(columns) for columns in zip(*(p.columns() for p in parts), strict=True)))


def day_bars(seed: int, paths: Paths, listing: Listing, day: int) -> Bars:
    """The 1m bars of a UTC day; minutes before the listing and in an outage are absent."""
    rng = draws(seed, listing.venue, listing.market, listing.symbol, day)
    points = _venue_points(seed, paths, listing, day, rng)
    u = rng.random((8, MINUTES))
    quiet = u[0] < listing.quiet
    quiet[-1] = False  # so that a day never depends on the day before it
    last_traded = np.maximum.accumulate(np.where(quiet, -1, np.arange(MINUTES)))
    close = points[1:][last_traded]
    close[last_traded < 0] = points[0]
    opening = np.concatenate((points[:1], close[:-1]))
    reach = np.rint(points[1:] * 0.0006).astype(np.int64) + 1
    high = np.maximum(opening, close) + (u[1] * u[2] * reach).astype(np.int64)
    low = np.maximum(np.minimum(opening, close) - (u[3] * u[4] * reach).astype(np.int64), 1)
    usual_lots = _usual_lots(paths, listing, day)
    lots = (usual_lots * (0.04 + 3.0 * u[5] * u[6]) * (1.0 + 2.0 * np.abs(close - opening) / reach)).astype(
        np.int64
    ) + 1
    taker_lots = (lots * (0.2 + 0.6 * u[7])).astype(np.int64)
    trades = 1 + (lots / usual_lots * 40.0).astype(np.int64)
    for column in (lots, taker_lots, trades):
        column[quiet] = 0
    high[quiet] = low[quiet] = close[quiet]
    typical = (high + low + opening + close) // 4
    open_time = day * DAY_MS + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
    bars = Bars(open_time, opening, high, low, close, lots, lots * typical, trades, taker_lots, taker_lots * typical)
    present = _present(listing, day, open_time)
    return bars.take(present & ~quiet if listing.venue in SPARSE_VENUES else present)


def roll_up(bars: Bars, step_ms: int) -> Bars:
    """Longer bars from the existing 1m bars: first open, highest, lowest, last close, sums."""
    if not len(bars.open_time):
        return bars
    opens = bars.open_time // step_ms * step_ms
    first = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    last = np.concatenate((first[1:], [len(opens)])) - 1
    sums = (np.add.reduceat(c, first) for c in (bars.lots, bars.quote, bars.trades, bars.taker_lots, bars.taker_quote))
    return Bars(
        opens[first],
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        *sums,
    )


def unfinished(bar: Bars, share: float) -> Bars:
    """One bar after this share of its minute: every value is between its first and its final one."""
    if share >= 1.0:
        return bar
    close = bar.open + np.rint((bar.close - bar.open) * share).astype(np.int64)
    lots, taker_lots = _part(bar.lots, share), _part(bar.taker_lots, share)
    trades = np.where(lots > 0, np.maximum(_part(bar.trades, share), 1), 0)
    top, bottom = np.maximum(bar.open, close), np.minimum(bar.open, close)
    high = top + _part(np.maximum(bar.high - top, 0), share)
    low = bottom - _part(np.maximum(bottom - bar.low, 0), share)
    typical = (high + low + bar.open + close) // 4
    volumes = (lots, lots * typical, trades, taker_lots, taker_lots * typical)
    return Bars(bar.open_time, bar.open, high, low, close, *volumes)


def _part(column: Ints, share: float) -> Ints:
    return (column * share).astype(np.int64)


def _venue_points(seed: int, paths: Paths, listing: Listing, day: int, rng: np.random.Generator) -> Ints:
    """1441 prices in ticks; the last is the next day's first."""
    price: Floats = paths.minutes(listing.base, day) / paths.minutes(listing.quote, day)
    deviation = approx_normal(rng, MINUTES + 1) * _VENUE_NOISE
    deviation[0], deviation[-1] = (
        (fraction(seed, listing.venue, listing.market, listing.symbol, "00:00", d) - 0.5) * _VENUE_NOISE
        for d in (day, day + 1)
    )
    ticks = price * (1.0 + deviation) * (_BASIS[listing.market] * 10.0**listing.price_decimals)
    return np.maximum(np.rint(ticks).astype(np.int64), 2)


def _usual_lots(paths: Paths, listing: Listing, day: int) -> float:
    return listing.turnover / paths.level(listing.base, day) * 10.0**listing.lot_decimals


def _present(listing: Listing, day: int, open_time: Ints) -> NDArray[np.bool_]:
    present = open_time >= listing.listed_ms
    for outage in outages_of_day(listing.venue, listing.market, day):
        present &= (open_time < outage.start_ms) | (open_time >= outage.end_ms)
    return present
