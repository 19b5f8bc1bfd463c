"""A series: one dataset of one instrument (for listings: of one market)."""

from dataclasses import dataclass

DATASETS = ("bars", "funding", "instruments", "fear_greed")
MARKETS = ("spot", "perp")


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """`symbol` and `timeframe` are empty where the dataset has none."""

    dataset: str
    venue: str
    market: str
    symbol: str = ""
    timeframe: str = ""

    @property
    def windowed(self) -> bool:
        """Whether its pages are for a window of time (listings have none)."""
        return self.dataset in ("bars", "funding")

    def __str__(self) -> str:
        parts = (self.dataset, self.venue, self.market, self.symbol, self.timeframe)
        return " ".join(part for part in parts if part)
