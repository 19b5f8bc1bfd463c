"""The synthetic market's listings: symbols by venue, listing dates, ticks and lots, and outages.

Symbols, formats and orders of magnitude are those of the real venues; dates and figures are invented.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from replay.clock import parse_instant
from replay.market import TIMEFRAMES

DAY_MS = 86_400_000
FIRST_DAY = parse_instant("2017-01-01T00:00:00Z") // DAY_MS
LAST_DAY = parse_instant("2060-01-01T00:00:00Z") // DAY_MS
# Venues that have no bar for a minute without a trade.
SPARSE_VENUES = frozenset({"coinbase"})


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument; `turnover`: typical per minute, in USD; `quiet`: share of minutes without a trade."""

    venue: str
    market: str
    symbol: str
    venue_symbol: str
    price_decimals: int
    lot_decimals: int
    listed_ms: int
    turnover: float
    quiet: float
    contract_size: str | None = None

    @property
    def base(self) -> str:
        """Base currency."""
        return self.symbol.split("/")[0]

    @property
    def quote(self) -> str:
        """Quote currency."""
        return self.symbol.split("/")[1]


# symbol: price decimals, lot decimals, listed, turnover of a minute in USD, share of quiet minutes
_BINANCE_SPOT = """
BTC/USDT 2 5 2017-08-17T04:00Z 900000 0.0002
ETH/USDT 2 4 2017-08-17T04:00Z 500000 0.0004
SOL/USDT 2 3 2020-08-11T06:00Z 200000 0.001
XRP/USDT 4 1 2018-05-04T08:00Z 150000 0.001
SOL/BTC 7 1 2020-08-11T06:00Z 5000 0.06
ETH/BTC 5 3 2017-07-14T04:00Z 20000 0.02
"""
_OKX_SPOT = """
BTC/USDT 1 8 2018-01-11T00:00Z 400000 0.0005
ETH/USDT 2 6 2018-01-11T00:00Z 250000 0.001
SOL/USDT 2 6 2020-09-30T03:00Z 80000 0.004
XRP/USDT 4 6 2018-01-25T00:00Z 60000 0.005
SOL/BTC 7 4 2020-09-30T03:00Z 800 0.25
ETH/BTC 5 6 2018-01-11T00:00Z 6000 0.08
"""
_BYBIT_SPOT = """
BTC/USDT 1 6 2021-07-05T12:00Z 300000 0.001
ETH/USDT 2 5 2021-07-05T12:00Z 180000 0.002
SOL/USDT 2 3 2021-10-15T08:00Z 70000 0.005
XRP/USDT 4 2 2021-07-05T12:00Z 60000 0.005
SOL/BTC 7 3 2023-03-14T10:00Z 500 0.3
ETH/BTC 6 5 2021-11-02T10:00Z 3000 0.1
"""
# Coinbase has no bar for a minute without a trade.
_COINBASE_SPOT = """
BTC/USDT 2 8 2021-05-11T16:00Z 30000 0.02
ETH/USDT 2 8 2021-05-11T16:00Z 15000 0.04
SOL/USDT 2 3 2021-06-17T16:00Z 6000 0.1
XRP/USDT 4 6 2023-07-13T20:00Z 5000 0.1
SOL/BTC 7 3 2021-06-17T16:00Z 300 0.6
ETH/BTC 5 8 2016-05-18T00:00Z 8000 0.1
"""
_BINANCE_PERP = """
BTC/USDT 1 3 2019-09-08T17:00Z 4000000 0
ETH/USDT 2 3 2019-11-27T07:00Z 2500000 0
SOL/USDT 2 2 2020-09-14T07:00Z 700000 0
XRP/USDT 4 1 2020-01-06T08:00Z 500000 0
BNB/USDT 2 2 2020-02-10T08:00Z 200000 0.0005
"""
# Lots of OKX swaps are 0.01 contract; the lot decimals here are those of the same amount in base currency.
_OKX_PERP = """
BTC/USDT 1 4 2019-11-12T11:00Z 2000000 0 0.01
ETH/USDT 2 3 2019-11-12T11:00Z 1200000 0 0.1
SOL/USDT 2 2 2021-01-29T10:00Z 400000 0.0002 1
XRP/USDT 4 0 2019-11-12T11:00Z 250000 0.0005 100
BNB/USDT 1 4 2022-08-25T08:00Z 40000 0.005 0.01
"""
_TABLES = (
    ("binance", "spot", _BINANCE_SPOT, "", ""),
    ("okx", "spot", _OKX_SPOT, "-", ""),
    ("bybit", "spot", _BYBIT_SPOT, "", ""),
    ("coinbase", "spot", _COINBASE_SPOT, "-", ""),
    ("binance", "perp", _BINANCE_PERP, "", ""),
    ("okx", "perp", _OKX_PERP, "-", "-SWAP"),
)


def _read(venue: str, market: str, row: str, separator: str, suffix: str) -> Listing:
    symbol, price, lot, listed, turnover, quiet, *contract = row.split()
    return Listing(
        venue,
        market,
        symbol,
        symbol.replace("/", separator) + suffix,
        int(price),
        int(lot),
        parse_instant(listed),
        float(turnover),
        float(quiet),
        contract[0] if contract else None,
    )


LISTINGS = {
    (venue, market, listing.symbol): listing
    for venue, market, table, separator, suffix in _TABLES
    for row in table.strip().splitlines()
    for listing in [_read(venue, market, row, separator, suffix)]
}


@dataclass(frozen=True, slots=True)
class Outage:
    """A venue had no bars from `start_ms` (included) to `end_ms` (excluded)."""

    venue: str
    market: str
    start_ms: int
    end_ms: int


# venue, market, day of the month, first minute of the day, minutes: every month has these outages
_MONTHLY_OUTAGES = (
    ("binance", "spot", 11, 2 * 60, 150),
    ("okx", "spot", 3, 9 * 60 + 10, 14),
    ("okx", "perp", 3, 9 * 60 + 10, 14),
    ("bybit", "spot", 21, 17 * 60 + 55, 10),
    ("coinbase", "spot", 14, 6 * 60 + 5, 195),
)


def outages_of_day(venue: str, market: str, day: int) -> list[Outage]:
    """The outages on this UTC day (days since the epoch)."""
    day_of_month = _day_of_month(day)
    return [
        Outage(venue, market, start, start + minutes * TIMEFRAMES["1m"])
        for v, m, monthly_day, first_minute, minutes in _MONTHLY_OUTAGES
        if (v, m, monthly_day) == (venue, market, day_of_month)
        for start in [day * DAY_MS + first_minute * TIMEFRAMES["1m"]]
    ]


def _day_of_month(day: int) -> int:
    return (date(1970, 1, 1) + timedelta(days=day)).day
