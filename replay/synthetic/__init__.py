"""A synthetic market: every price follows from a seed, and any day can be computed directly.

Prices of one symbol are within some basis points of each other across venues, crosses follow from their USD legs,
1h bars are the exact roll-up of the 1m bars. Some minutes have no trade (flat bars of volume 0), and every month
has declared outages of venues, without any bars.
"""

from functools import lru_cache

from replay.market import TIMEFRAMES, Bar, Funding, Record, Sentiment, Series, bars_between
from replay.synthetic import instruments, sentiment
from replay.synthetic.days import Bars, day_bars
from replay.synthetic.funding import FundingBook
from replay.synthetic.listings import DAY_MS, FIRST_DAY, LAST_DAY, LISTINGS, Listing, Outage, outages_of_day
from replay.synthetic.paths import Paths
from replay.synthetic.series import SyntheticSeries


class SyntheticMarket:
    """The market of a seed; the same seed gives the same text on every machine."""

    def __init__(self, seed: int = 7):
        self.seed = seed
        self.name = f"synthetic seed={seed}"
        self._paths = Paths(seed)
        self._funding = FundingBook(seed, self._paths)
        self._days = lru_cache(maxsize=512)(self._day)
        self._series: dict[tuple[str, str, str, str], Series] = {}

    def symbols(self, venue: str, market: str) -> dict[str, str]:
        """Canonical symbol by venue symbol."""
        return {li.venue_symbol: li.symbol for li in LISTINGS.values() if (li.venue, li.market) == (venue, market)}

    def series(self, venue: str, market: str, symbol: str, timeframe: str) -> Series | None:
        """The bars of a listed symbol in one of TIMEFRAMES."""
        listing = LISTINGS.get((venue, market, symbol))
        if listing is None or timeframe not in TIMEFRAMES:
            return None
        key = (venue, market, symbol, timeframe)
        if key not in self._series:
            self._series[key] = SyntheticSeries(listing, timeframe, self._days)
        return self._series[key]

    def bars(self, venue: str, market: str, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> list[Bar]:
        """Bars with start_ms <= open_time < end_ms and their final values, including the future."""
        return bars_between(self.series(venue, market, symbol, timeframe), start_ms, end_ms)

    def funding(self, venue: str, symbol: str, start_ms: int, end_ms: int) -> list[Funding]:
        """Funding events with start_ms <= time < end_ms, ascending."""
        return self._funding.between(venue, symbol, start_ms, end_ms)

    def funding_info(self, venue: str) -> list[Record]:
        """Binance's list of adjusted symbols."""
        return self._funding.info(venue)

    def instruments(self, venue: str, market: str) -> list[Record]:
        """Records in the venue's own format, with its current fields."""
        return instruments.records(venue, market)

    def instrument_envelope(self, venue: str, market: str) -> Record:
        """What Binance sends around its symbols."""
        return instruments.envelope(venue, market)

    def fear_greed(self) -> list[Sentiment]:
        """One value per day since 2018-02-01, including the future."""
        return sentiment.days(self.seed)

    def outages(self, venue: str, market: str, start_ms: int, end_ms: int) -> list[Outage]:
        """The declared outages that overlap the window."""
        days = range(max(start_ms // DAY_MS, FIRST_DAY), min(end_ms // DAY_MS, LAST_DAY) + 1)
        found = (outage for day in days for outage in outages_of_day(venue, market, day))
        return [o for o in found if o.end_ms > start_ms and o.start_ms < end_ms]

    def listed_ms(self, venue: str, market: str, symbol: str) -> int:
        """When the symbol was listed; its first bar opens then."""
        return LISTINGS[venue, market, symbol].listed_ms

    def _day(self, listing: Listing, day: int) -> Bars:
        return day_bars(self.seed, self._paths, listing, day)
