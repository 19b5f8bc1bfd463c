"""Perpetuals of Binance whose ticker was reused, and payments of OKX at all kinds of intervals."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

from tests.audits.seeding import HOUR, bar, land_bars
from tests.dbt import pages
from tests.dbt.listings import VENUES
from tests.dbt.pages import START, milliseconds

FIRST = START - timedelta(days=20)
NOW = START + timedelta(days=2)
PERPETUAL = next(venue for venue in VENUES if (venue.name, venue.market) == ("binance", "perp"))
# Hours after FIRST at which each was listed, in the first listing and in the second one a day later.
LISTED = {"REUSED": (480, 480), "MOVED": (0, 72), "STEADY": (48, 48), "QUIET": (0, 0)}
HOURS: dict[str, list[tuple[int, str]]] = {
    # 0.00005, 18 days without bars, 9: another asset.
    "REUSED": [*((hour, "0.00005") for hour in range(48)), *((hour, "9") for hour in range(480, 528))],
    "MOVED": [(hour, "100") for hour in range(528)],
    "STEADY": [(hour, "100") for hour in range(528)],
    "QUIET": [*((hour, "1") for hour in range(6)), *((hour, "5") for hour in range(12, 24))],
}
# Hours of the payments, and the period that each covers.
INTERVALS: dict[str, tuple[list[float], list[int | None]]] = {
    "SIX": ([6 * n for n in range(10)], [6] * 10),
    "TWELVE": ([0, 12, 24, 36, 60, 84], [12, 12, 12, 12, 24, 24]),
    "CHANGES": ([0, 8, 16, 24, 29, 30, 31, 32, 35, 43, 51, 59], [8, 8, 8, 8, 5, 1, 1, 1, 3, 8, 8, 8]),
    "HOLE": ([0, 4, 8, 16, 20, 24], [4] * 6),
    "BEGIN": ([0, 16, 24, 32], [None, 8, 8, 8]),
    "LAST": ([0, 4, 8, 16], [4, 4, 4, None]),
    "ODD": ([0, 8, 9.5, 16, 24], [None, 8, None, None, 8]),
    "FEW": ([0, 8], [8, 8]),
}
# What revision 72f2689 showed for some of them.
BEFORE_RULES: dict[str, list[int | None]] = {
    "SIX": [None] * 10,
    "CHANGES": [8, 8, 8, 8, 1, 1, 1, 1, 8, 8, 8, 8],
    "HOLE": [4, 4, 4, 8, 4, 4],
}


def listed(when: datetime) -> list[dict[str, Any]]:
    """Records of the perpetuals in a listing of that time."""
    look = 0 if when == START else 1
    return [
        PERPETUAL.record(base, "USDT") | {"onboardDate": milliseconds(FIRST + hours[look] * HOUR)}
        for base, hours in LISTED.items()
    ]


def land(client: Client) -> list[list[str]]:
    """Land bars and payments; returns their series for the universe."""
    begin = f"{FIRST:%Y-%m-%d %H:%M:%S}"
    universe = []
    for base, closes in HOURS.items():
        bars = [bar(FIRST + hour * HOUR, close, HOUR, high=f"{float(close) * 1.001:.9f}") for hour, close in closes]
        land_bars(client, f"{base}/USDT", bars, NOW, market="perp", timeframe="1h")
        universe.append(["bars", "binance", "perp", f"{base}/USDT", "1h", begin])
    for base in ("REUSED", "MOVED", "STEADY"):
        land_payments(client, "binance", base, range(0, 528, 8))
        universe.append(["funding", "binance", "perp", f"{base}/USDT", "", begin])
    for base, (hours, _) in INTERVALS.items():
        land_payments(client, "okx", base, hours)
        universe.append(["funding", "okx", "perp", f"{base}/USDT", "", begin])
    return universe


def land_payments(client: Client, venue: str, base: str, hours: Iterable[float]) -> None:
    """One page of payments at hours after FIRST, which covers everything until NOW."""
    times = [str(milliseconds(FIRST + hour * HOUR)) for hour in hours]
    series = (venue, "perp", f"{base}/USDT", "")
    window = FIRST, NOW
    if venue == "okx":
        records = [{"fundingTime": time, "realizedRate": "0.0001"} for time in times]
        pages.land(client, "okx__swap_funding", {"code": "0", "data": records}, NOW, series=series, window=window)
    else:
        paid = [{"fundingTime": int(time), "fundingRate": "0.0001", "markPrice": "100"} for time in times]
        pages.land(client, "binance__usdm_funding", paid, NOW, series=series, window=window)
