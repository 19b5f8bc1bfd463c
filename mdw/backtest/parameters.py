"""The parameters of a backtest."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from warehouse.errors import BadInput

_POSITIVE = ("lookback_days", "volatility_days", "rebalance_days", "top", "capital", "target_volatility", "max_weight")
_NOT_NEGATIVE = ("commission_bps", "slippage_bps", "max_stale_hours", "max_missing_share", "greed_scale")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """All inputs of a run besides the data; equal parameters on an equal snapshot give an equal result.

    `start`, `end`: window of bars to use (UTC, end exclusive); None means what all symbols have in common. The
    first trade follows after `lookback_days` and `volatility_days`. Weights are fractions of equity; basis points are
    of traded value. A price is carried over a gap for at most `max_stale_hours`, and a run with more than
    `max_missing_share` of its bars missing is refused.
    """

    venue: str = "binance"
    market: str = "spot"
    symbols: tuple[str, ...] = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
    timeframe: str = "1h"
    start: datetime | None = None
    end: datetime | None = None
    lookback_days: int = 14
    volatility_days: int = 14
    rebalance_days: int = 7
    top: int = 3
    target_volatility: float = 0.6
    max_weight: float = 0.4
    max_gross: float = 0.98
    short: bool = False
    commission_bps: float = 10.0
    slippage_bps: float = 5.0
    funding: bool = True
    greed_limit: int | None = None
    greed_scale: float = 0.5
    capital: float = 1_000_000.0
    max_stale_hours: int = 2
    max_missing_share: float = 0.02

    def __post_init__(self) -> None:
        """Raise BadInput for the first invalid value."""
        for name in _POSITIVE:
            self._require(name, getattr(self, name) > 0, "a number above 0")
        for name in _NOT_NEGATIVE:
            self._require(name, getattr(self, name) >= 0, "0 or more")
        self._require("symbols", len(set(self.symbols)) == len(self.symbols) > 0, "distinct symbols, at least one")
        self._require("max_gross", 0 < self.max_gross < 1, "above 0 and below 1: the rest pays the costs")
        self._require("short", not self.short or self.market == "perp", "false unless market is 'perp'")
        for name in ("start", "end"):
            value = getattr(self, name)
            self._require(name, value is None or value.tzinfo is not None, "a time with a time zone, such as …T00:00Z")
        if self.start and self.end:
            self._require("end", self.start < self.end, f"after start {self.start.isoformat()}")

    @property
    def pays_funding(self) -> bool:
        """Whether positions pay and earn funding."""
        return self.funding and self.market == "perp"

    @property
    def instruments(self) -> tuple[str, ...]:
        """Canonical instrument ids, in the order of the symbols."""
        return tuple(f"{self.venue}:{self.market}:{symbol}" for symbol in self.symbols)

    def plain(self) -> dict[str, Any]:
        """For JSON; times as ISO 8601 in UTC."""
        values = asdict(self)
        for name in ("start", "end"):
            values[name] = values[name] and values[name].astimezone(UTC).isoformat()
        return {**values, "symbols": list(self.symbols)}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all parameters."""
        return tuple(field.name for field in fields(cls))

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise BadInput(f"Backtest parameter {name} is {getattr(self, name)!r}; it must be {allowed}.")
