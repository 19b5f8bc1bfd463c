"""The columns of the read contract (docs/data_contract.md), and which of them never vary inside one series."""

from collections.abc import Sequence
from dataclasses import dataclass

from alphaforge_data.errors import BadRequest

PINNED = ("snapshot_id", "data_version")


@dataclass(frozen=True)
class View:
    """One parameterized view `marts.<name>(snapshot_id = …)`.

    `constant`: columns that one instrument's series repeats on every row; they are filled in here, not sent.
    `usual`: what a caller gets who names no columns. `order`: what makes a row unique, and how rows are sorted.
    `derived`: columns that are computed here. `provenance`: where a row came from; no value, cached apart.
    """

    dataset: str
    name: str
    columns: tuple[str, ...]
    usual: tuple[str, ...]
    order: tuple[str, ...]
    constant: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    provenance: tuple[str, ...] = ()

    @property
    def time(self) -> str:
        """The column that rows are ordered by within a series."""
        return self.order[-1]

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that the server sends of every row, without provenance."""
        apart = (*PINNED, *self.constant, *self.derived, *self.provenance)
        return tuple(name for name in self.columns if name not in apart)

    def chosen(self, columns: str | Sequence[str] | None) -> tuple[str, ...]:
        """The columns to return, checked; 'all' is every column of the view."""
        if columns is None:
            return self.usual
        names = self.columns if columns == "all" else ((columns,) if isinstance(columns, str) else tuple(columns))
        unknown = [name for name in names if name not in self.columns]
        if unknown or not names:
            raise BadRequest(
                f"columns holds {', '.join(map(repr, unknown)) or 'nothing'}; {self.name} has: "
                f"{', '.join(self.columns)}. columns='all' gives every one."
            )
        return tuple(dict.fromkeys(names))


_BAR = ("open_time", "close_time", "open", "high", "low", "close", "volume", "quote_volume", "trade_count")
_SERIES = ("instrument_id", "venue", "market", "symbol", "timeframe")
_PROVENANCE = ("source", "ingested_at")
BARS = View(
    "bars",
    "v_bars_at",
    (*PINNED, *_SERIES, *_BAR, *_PROVENANCE),
    ("instrument_id", *(name for name in _BAR if name != "close_time")),
    ("instrument_id", "open_time"),
    _SERIES,
    ("close_time",),
    _PROVENANCE,
)
# Of bars that are resampled here: how many stored bars each was made of, and how many its period has.
COUNTS = ("source_bars", "expected_bars")
RESAMPLED = View(
    "bars",
    "v_bars_at",
    (*PINNED, *_SERIES, *_BAR, *COUNTS),
    (*BARS.usual, *COUNTS),
    BARS.order,
    _SERIES,
    ("close_time", "expected_bars"),
)
_RATE = ("funding_time", "funding_time_raw", "funding_rate", "interval_hours", "mark_price")
FUNDING = View(
    "funding",
    "v_funding_at",
    (*PINNED, "instrument_id", "venue", "symbol", *_RATE, "ingested_at"),
    ("instrument_id", *(name for name in _RATE if name != "funding_time_raw")),
    ("instrument_id", "funding_time"),
    ("instrument_id", "venue", "symbol"),
    (),
    ("ingested_at",),
)
_INSTRUMENT = ("instrument_id", "venue", "market", "symbol", "venue_symbol", "base", "quote", "settle", "status")
_LIMITS = ("tick_size", "lot_size", "min_qty", "min_notional", "contract_size", "listed_at", "valid_from", "valid_to")
INSTRUMENTS = View(
    "instruments",
    "v_instruments_at",
    (*PINNED, *_INSTRUMENT, *_LIMITS),
    (*_INSTRUMENT, *_LIMITS),
    ("instrument_id", "valid_from"),
)
FEAR_GREED = View(
    "fear_greed",
    "v_fear_greed_at",
    (*PINNED, "date", "value", "classification", "ingested_at"),
    ("date", "value", "classification"),
    ("date",),
    (),
    (),
    ("ingested_at",),
)
