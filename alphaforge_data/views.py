"""The columns of the read contract (docs/data_contract.md), and which of them never vary inside one series."""

from collections.abc import Sequence
from dataclasses import dataclass

from alphaforge_data.errors import BadRequest

PINNED = ("snapshot_id", "data_version")


@dataclass(frozen=True)
class View:
    """One parameterized view `marts.<name>(snapshot_id = …)`.

    `constant`: columns that one instrument's series repeats on every row; they are filled in here, not sent.
    `usual`: what a caller gets who names no columns.
    """

    name: str
    columns: tuple[str, ...]
    usual: tuple[str, ...]
    order: tuple[str, ...]
    constant: tuple[str, ...] = ()

    def chosen(self, columns: Sequence[str] | None) -> tuple[str, ...]:
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
BARS = View(
    "v_bars_at",
    (*PINNED, *_SERIES, *_BAR, "source", "ingested_at"),
    ("instrument_id", *(name for name in _BAR if name != "close_time")),
    ("open_time",),
    (*PINNED, *_SERIES),
)
_RATE = ("funding_time", "funding_time_raw", "funding_rate", "interval_hours", "mark_price")
FUNDING = View(
    "v_funding_at",
    (*PINNED, "instrument_id", "venue", "symbol", *_RATE, "ingested_at"),
    ("instrument_id", *(name for name in _RATE if name != "funding_time_raw")),
    ("funding_time",),
    (*PINNED, "instrument_id", "venue", "symbol"),
)
_INSTRUMENT = ("instrument_id", "venue", "market", "symbol", "venue_symbol", "base", "quote", "settle", "status")
_LIMITS = ("tick_size", "lot_size", "min_qty", "min_notional", "contract_size", "listed_at", "valid_from", "valid_to")
INSTRUMENTS = View(
    "v_instruments_at",
    (*PINNED, *_INSTRUMENT, *_LIMITS),
    (*_INSTRUMENT, *_LIMITS),
    ("instrument_id", "valid_from"),
    PINNED,
)
FEAR_GREED = View(
    "v_fear_greed_at",
    (*PINNED, "date", "value", "classification", "ingested_at"),
    ("date", "value", "classification"),
    ("date",),
    PINNED,
)

EXTENT_COLUMNS = ("instrument_id", "timeframe", "first_open_time", "last_close_time", "bars")
EXTENT = (
    "select minOrNull(open_time) as first_open_time, maxOrNull(close_time) as last_close_time, count() as bars "
    "from marts.v_bars_at(snapshot_id = {snapshot_id:String}) "
    "where instrument_id = {instrument_id:String} and timeframe = {timeframe:String}"
)

GAPS = (
    "select gap_start, gap_end, class from marts.v_bar_gaps_at(snapshot_id = {snapshot_id:String}) "
    "where instrument_id = {instrument_id:String} and timeframe = {timeframe:String} order by gap_start"
)
