"""The columns of the data contract (docs/data_contract.md), and which of them are constant in a series."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from alphaforge_data.errors import BadRequest
from alphaforge_data.names import several

# For type checkers: the columns that may be requested (compared by tests/alphaforge_data/test_views.py).
BarColumn: TypeAlias = Literal[
    "snapshot_id",
    "data_version",
    "instrument_id",
    "venue",
    "market",
    "symbol",
    "timeframe",
    "open_time",
    "close_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trade_count",
    "source",
    "ingested_at",
    "source_bars",
    "expected_bars",
]
FundingColumn: TypeAlias = Literal[
    "snapshot_id",
    "data_version",
    "instrument_id",
    "venue",
    "symbol",
    "funding_time",
    "funding_time_raw",
    "funding_rate",
    "interval_hours",
    "mark_price",
    "ingested_at",
]
InstrumentColumn: TypeAlias = Literal[
    "snapshot_id",
    "data_version",
    "instrument_id",
    "venue",
    "market",
    "symbol",
    "venue_symbol",
    "base",
    "quote",
    "settle",
    "status",
    "tick_size",
    "lot_size",
    "lot_size_base",
    "min_qty",
    "min_qty_base",
    "min_notional",
    "contract_size",
    "listed_at",
    "valid_from",
    "valid_to",
]
FearGreedColumn: TypeAlias = Literal["snapshot_id", "data_version", "date", "value", "classification", "ingested_at"]

PINNED = ("snapshot_id", "data_version")


@dataclass(frozen=True)
class View:
    """One parameterized view `marts.<name>(snapshot_id = …)`.

    `constant`: columns with the same value on every row of a series; they are added here, not sent.
    `usual`: the default columns. `order`: the unique key and sort order.
    `derived`: columns that are computed here. `provenance`: the origin of a row; cached separately from the values.
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
        """The columns that the server sends, without provenance."""
        apart = (*PINNED, *self.constant, *self.derived, *self.provenance)
        return tuple(name for name in self.columns if name not in apart)

    def chosen(self, columns: str | Iterable[str] | None) -> tuple[str, ...]:
        """The columns to return, validated; 'all' is every column of the view."""
        if columns is None:
            return self.usual
        names = self.columns if isinstance(columns, str) and columns == "all" else several("columns", columns)
        unknown = [name for name in names if name not in self.columns]
        if unknown or not names:
            raise BadRequest(
                f"columns contains {', '.join(map(repr, unknown)) or 'nothing'}; {self.name} has: "
                f"{', '.join(self.columns)}. columns='all' returns all of them."
            )
        return tuple(dict.fromkeys(names))

    def one(self, column: str) -> str:
        """A single column's name, validated."""
        if not isinstance(column, str) or column == "all":
            raise BadRequest(f"column is {column!r}; name one column, such as 'close'.")
        return self.chosen(column)[0]


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
# For resampled bars: the number of stored bars that each was made of, and the number that its period has.
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
_AMOUNTS = ("lot_size", "lot_size_base", "min_qty", "min_qty_base")
LIMITS = ("tick_size", *_AMOUNTS, "min_notional", "contract_size")
_STATE = (*LIMITS, "listed_at", "valid_from", "valid_to")
INSTRUMENTS = View(
    "instruments",
    "v_instruments_at",
    (*PINNED, *_INSTRUMENT, *_STATE),
    (*_INSTRUMENT, *_STATE),
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
