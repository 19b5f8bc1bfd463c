"""What one case lands."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dlt_pipelines.planning.lane_choice import Lane
from dlt_pipelines.planning.selection import Selection

NOW = datetime(2025, 3, 30, 18, 40, 30, tzinfo=UTC)
_MARCH = datetime(2025, 3, 1, tzinfo=UTC)
_HOURS = 8
_ALL = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "SOL/BTC", "ETH/BTC")


@dataclass(frozen=True)
class Job:
    """A range of 1m bars at some venues by one lane; no two cases share a range, so each is checked by its own bars."""

    start: datetime
    end: datetime
    lane: Lane = "rest"
    venues: tuple[str, ...] = ("binance", "okx", "bybit")
    symbols: tuple[str, ...] = _ALL

    @classmethod
    def hours(cls, number: int) -> "Job":
        """Eight hours of March 2025, all spot symbols of three venues by REST: about 50 requests."""
        start = _MARCH + timedelta(hours=_HOURS) * number
        end = start + timedelta(hours=_HOURS)
        assert end <= NOW
        return cls(start, end)

    @classmethod
    def files(cls, number: int) -> "Job":
        """A month before that, all spot symbols from Binance's zips."""
        return cls(*_month(number), "archive", ("binance",))

    @classmethod
    def mixed(cls, number: int) -> "Job":
        """A month before that, two symbols: zips of Binance and OKX, Bybit by REST."""
        return cls(*_month(number), "auto", symbols=("BTC/USDT", "SOL/BTC"))

    @property
    def selection(self) -> Selection:
        return Selection(("bars",), self.venues, ("spot",), self.symbols, ("1m",))

    @property
    def command(self) -> tuple[str, ...]:
        """The command line."""
        chosen = ["--dataset", "bars", "--market", "spot", "--timeframe", "1m", "--lane", self.lane]
        for option, values in (("--venue", self.venues), ("--symbol", self.symbols)):
            chosen += [word for value in values for word in (option, value)]
        return ("backfill", *chosen, "--start", self.start.isoformat(), "--end", self.end.isoformat())

    @property
    def milliseconds(self) -> tuple[int, int]:
        return int(self.start.timestamp() * 1000), int(self.end.timestamp() * 1000)


def _month(number: int) -> tuple[datetime, datetime]:
    """Month 0 is February 2025, month 1 the January before."""
    year, month = divmod(2025 * 12 + 1 - number, 12)
    start = datetime(year, month + 1, 1, tzinfo=UTC)
    return start, (start + timedelta(days=32)).replace(day=1)
