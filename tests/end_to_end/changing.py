"""A synthetic market with revisions like those of venues: revised bars, other tick sizes, renamed and delisted
instruments."""

from dataclasses import dataclass
from typing import Any

from replay.clock import parse_instant
from replay.market import Bar, Chunk, Sentiment, Series
from replay.synthetic import SyntheticMarket

REVISED = parse_instant("2025-05-21T10:00:00Z")
MINUTE = 60_000


class ChangingMarket(SyntheticMarket):
    """Seed 7; `era` 2 has some different values, in `era` 3 Binance sends bars off the grid as in 2017."""

    def __init__(self) -> None:
        super().__init__(7)
        self.era = 1

    def series(self, venue: str, market: str, symbol: str, timeframe: str) -> Series | None:
        found = super().series(venue, market, symbol, timeframe)
        if (
            (venue, market, symbol, timeframe) != ("binance", "spot", "BTC/USDT", "1m")
            or found is None
            or self.era == 1
        ):
            return found
        return _Retold(found, self.era)

    def instruments(self, venue: str, market: str) -> list[dict[str, Any]]:
        records = super().instruments(venue, market)
        return records if self.era == 1 else [later for record in records for later in _later(venue, market, record)]

    def fear_greed(self) -> list[Sentiment]:
        days = super().fear_greed()
        today = parse_instant("2025-05-21T00:00:00Z")
        return [day._replace(value=99) if self.era > 1 and day.time == today else day for day in days]


def _later(venue: str, market: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The record as listed later; None if it is delisted."""
    if (venue, market, record.get("symbol")) == ("binance", "spot", "BTCUSDT"):
        prices, *others = record["filters"]
        return [record | {"filters": [prices | {"tickSize": "0.10000000"}, *others]}]
    if (venue, record.get("symbol")) == ("bybit", "SOLBTC"):
        return [record | {"symbol": "SOLBTCNEW"}]
    if (venue, record.get("instId")) == ("okx", "SOL-BTC"):
        return []
    return [record]


@dataclass(frozen=True)
class _Retold:
    """A series with one different bar."""

    told: Series
    era: int

    @property
    def name(self) -> str:
        return f"{self.told.name}, era {self.era}"

    @property
    def step_ms(self) -> int:
        return self.told.step_ms

    def number(self, time_ms: int) -> int:
        return self.told.number(time_ms)

    def chunk(self, number: int) -> Chunk:
        chunk = self.told.chunk(number)
        bars = [self._retell(bar) for bar in chunk.bars(0, len(chunk.open_time))]
        return Chunk.of(bars)

    def open_bar(self, now_ms: int) -> Bar | None:
        return self.told.open_bar(now_ms)

    def _retell(self, bar: Bar) -> Bar:
        if bar.open_time == REVISED:
            return bar._replace(close=bar.high)
        if bar.open_time == REVISED + 5 * MINUTE and self.era == 3:
            return bar._replace(open_time=bar.open_time + 17_000)
        return bar
