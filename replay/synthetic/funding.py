"""Funding of the synthetic perpetuals: every 8 hours, with the venues' irregularities."""

from functools import lru_cache

import numpy as np

from replay.clock import parse_instant
from replay.decimals import fixed_text
from replay.market import Funding, Record
from replay.synthetic.listings import DAY_MS, FIRST_DAY, LISTINGS, Listing
from replay.synthetic.paths import Paths, approx_normal, draws, fraction

HOUR_MS = 3_600_000
MARK_PRICE_SINCE = parse_instant("2023-10-31T00:00Z")
# venue, symbol: funding interval in hours, since this time; every 8 hours before
ADJUSTED = {("binance", "SOL/USDT"): (4, parse_instant("2025-05-01T00:00Z"))}


class FundingBook:
    """Funding events by venue and symbol."""

    def __init__(self, seed: int, paths: Paths):
        self._seed = seed
        self._paths = paths
        self._day = lru_cache(maxsize=4096)(self._day_events)

    def between(self, venue: str, symbol: str, start_ms: int, end_ms: int) -> list[Funding]:
        """Events with start_ms <= time < end_ms, ascending."""
        listing = LISTINGS.get((venue, "perp", symbol))
        if listing is None:
            return []
        start_ms = max(start_ms, listing.listed_ms)
        days = range(max(start_ms // DAY_MS, FIRST_DAY), max(end_ms - 1, 0) // DAY_MS + 1)
        return [e for day in days for e in self._day(listing, day) if start_ms <= e.time < end_ms]

    def info(self, venue: str) -> list[Record]:
        """Binance's `fundingInfo`: adjusted symbols only, with the present interval."""
        return [
            {
                "symbol": LISTINGS[v, "perp", symbol].venue_symbol,
                "adjustedFundingRateCap": "0.02000000",
                "adjustedFundingRateFloor": "-0.02000000",
                "fundingIntervalHours": hours,
                "disclaimer": False,
            }
            for (v, symbol), (hours, _) in ADJUSTED.items()
            if v == venue
        ]

    def _day_events(self, listing: Listing, day: int) -> list[Funding]:
        hours, since = ADJUSTED.get((listing.venue, listing.symbol), (8, 0))
        times = range(day * DAY_MS, (day + 1) * DAY_MS, 4 * HOUR_MS)
        due = [t for t in times if t % ((hours if t >= since else 8) * HOUR_MS) == 0]
        # Two random numbers for every possible time, so that an adjusted symbol does not shift the others.
        noise = approx_normal(draws(self._seed, "funding", listing.venue, listing.symbol, day), 12)
        common = approx_normal(draws(self._seed, "funding", listing.symbol, day), 6)
        prices = self._paths.minutes(listing.base, day)
        events = []
        for time in due:
            slot = time % DAY_MS // (4 * HOUR_MS)
            rate = 0.00006 + 0.00007 * common[slot] + 0.000015 * noise[2 * slot]
            price = float(prices[time % DAY_MS // 60_000])
            events.append(self._event(listing, time, rate, rate + 0.00001 * noise[2 * slot + 1], price))
        return events

    def _event(self, listing: Listing, time: int, rate: float, predicted: float, price: float) -> Funding:
        if listing.venue == "okx":
            extra = (("formulaType", "withRate"), ("method", "current_period"))
            return Funding(time, _rate_text(rate, 16), _rate_text(predicted, 16), None, extra)
        late = fraction(self._seed, "late", time)  # all symbols are late together
        jitter = int(late * 20) if late > 0.4 else 0
        mark = fixed_text(np.array([round(price * 1e8)], dtype=np.int64), 8)[0] if time >= MARK_PRICE_SINCE else ""
        return Funding(time + jitter, _rate_text(min(rate, 0.0001), 8), None, mark)


def _rate_text(rate: float, decimals: int) -> str:
    units = round(rate * 10**decimals)
    return f"{'-' if units < 0 else ''}{abs(units) // 10**decimals}.{abs(units) % 10**decimals:0{decimals}d}"
