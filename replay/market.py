"""The data of a replayed market: bars, funding, instruments and the Fear & Greed index, in the venues' decimal text.

Times are integer milliseconds since the epoch, UTC. Windows include their start and exclude their end. An unknown
value is None, and is served as JSON null; it is never 0 and never guessed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Record = dict[str, Any]

TIMEFRAMES = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "6h": 21_600_000, "1d": 86_400_000}


class Bar(NamedTuple):
    """One bar; `volume` is in base currency, `contracts` only for venues that count contracts (OKX swaps)."""

    open_time: int
    open: str
    high: str
    low: str
    close: str
    volume: str | None
    quote_volume: str | None = None
    trades: int | None = None
    taker_base: str | None = None
    taker_quote: str | None = None
    contracts: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive closed bars in ascending order, by columns: `columns[i]` is the field `Bar._fields[i + 1]`."""

    open_time: Times
    columns: tuple[Sequence[str | int | None], ...]

    @classmethod
    def of(cls, bars: Sequence[Bar]) -> "Chunk":
        """The chunk of these bars, which must be in ascending order."""
        columns = tuple(zip(*bars, strict=True)) if bars else ((),) * len(Bar._fields)
        return cls(np.array(columns[0], dtype=np.int64), columns[1:])

    def bars(self, start: int, stop: int) -> list[Bar]:
        """Rows `start` to `stop` (excluded) as bars."""
        times = self.open_time[start:stop].tolist()
        return list(map(Bar._make, zip(times, *(c[start:stop] for c in self.columns), strict=True)))


class Series(Protocol):
    """The closed bars of one symbol and timeframe, cut into numbered chunks in ascending order of time."""

    @property
    def name(self) -> str:
        """Unique in its market, such as `binance:spot:BTC/USDT:1m`."""

    @property
    def step_ms(self) -> int:
        """Length of a bar."""

    def number(self, time_ms: int) -> int:
        """The number of the chunk for this time; always valid for `chunk`."""

    def chunk(self, number: int) -> Chunk:
        """A chunk with final values, which may be empty."""

    def open_bar(self, now_ms: int) -> Bar | None:
        """The unfinished bar at this time, or None."""


class Funding(NamedTuple):
    """One funding event. `rate` is what was paid, `predicted` the prediction that OKX shows with it.

    `mark_price` "" means that the venue sent an empty text (Binance, early years), None that it was not recorded.
    `extra` are further fields of the record, as the venue sent them.
    """

    time: int
    rate: str
    predicted: str | None = None
    mark_price: str | None = None
    extra: tuple[tuple[str, str | None], ...] = ()


class Sentiment(NamedTuple):
    """One day of the Fear & Greed index; `time` is 00:00 UTC of the day."""

    time: int
    value: int
    classification: str | None


class Coverage(NamedTuple):
    """What a market has of one dataset.

    `first` and `last` are times in ms (of bars: open times), both included; None for instruments, which have no time.
    """

    venue: str
    market: str | None
    symbol: str | None
    dataset: str
    timeframe: str | None
    first: int | None
    last: int | None
    rows: int


class Market(Protocol):
    """A source of answers. Venues: binance, okx, bybit. Markets: spot, perp. Symbols: canonical (`BTC/USDT`)."""

    @property
    def name(self) -> str:
        """Name for display: `synthetic seed=7` or `recordings`."""

    def symbols(self, venue: str, market: str) -> dict[str, str]:
        """Canonical symbol by the venue's own symbol, for all of the venue's instruments."""

    def series(self, venue: str, market: str, symbol: str, timeframe: str) -> Series | None:
        """The bars of a known symbol; None if the market has none of this timeframe."""

    def bars(self, venue: str, market: str, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> list[Bar]:
        """Closed bars with start_ms <= open_time < end_ms, ascending."""

    def funding(self, venue: str, symbol: str, start_ms: int, end_ms: int) -> list[Funding]:
        """Funding events with start_ms <= time < end_ms, ascending."""

    def funding_info(self, venue: str) -> list[Record]:
        """Symbols with adjusted funding, in the venue's own format (Binance `fundingInfo`)."""

    def instruments(self, venue: str, market: str) -> list[Record]:
        """Instrument records in the venue's own format."""

    def instrument_envelope(self, venue: str, market: str) -> Record:
        """What the venue sends around the instruments (Binance: rateLimits and so on)."""

    def fear_greed(self) -> list[Sentiment]:
        """All days, ascending."""


def bars_between(series: Series | None, start_ms: int, end_ms: int) -> list[Bar]:
    """Closed bars of a series with start_ms <= open_time < end_ms, ascending."""
    if series is None or end_ms <= start_ms:
        return []
    found: list[Bar] = []
    for number in range(series.number(start_ms), series.number(end_ms - 1) + 1):
        chunk = series.chunk(number)
        low, high = np.searchsorted(chunk.open_time, [start_ms, end_ms]).tolist()
        found += chunk.bars(low, high)
    return found


def joined(base_quotes: Iterable[str], separator: str, suffix: str = "") -> dict[str, str]:
    """Canonical symbol by venue symbol: `{"BTC-USDT-SWAP": "BTC/USDT"}` for separator "-" and suffix "-SWAP"."""
    return {symbol.replace("/", separator) + suffix: symbol for symbol in base_quotes}
