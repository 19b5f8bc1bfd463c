"""Checks of what the caller passes, all before any request."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from alphaforge_data.errors import BadRequest

TIMEFRAMES = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1)}
MARKETS = ("spot", "perp")
LATEST = "latest"

_SNAPSHOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")
_VENUE = re.compile(r"[a-z0-9_]{1,32}")
MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Instants that every bar and payment lies between, within what a DateTime64 of ClickHouse can hold.
_EARLIEST, _LATEST = 0, 7_258_118_400_000

Time = datetime | str


def timeframe(value: str) -> str:
    """A timeframe that the warehouse holds."""
    if value not in TIMEFRAMES:
        raise BadRequest(
            f"timeframe is {value!r}; allowed: {', '.join(TIMEFRAMES)}. Ask for one of these and resample."
        )
    return value


def snapshot(value: str | None) -> str:
    """A snapshot id's form; None means the newest one."""
    if value is None:
        return LATEST
    if not isinstance(value, str) or not _SNAPSHOT.fullmatch(value):
        raise BadRequest(
            f"snapshot_id is {value!r}; an id has 1 to 64 letters, digits, dots, dashes or underscores and begins "
            "with a letter or digit. Client.snapshots() lists those that exist; 'latest' is the newest."
        )
    return value


def milliseconds(name: str, value: Time | None) -> int:
    """An instant as milliseconds since 1970-01-01 UTC, rounded up: bounds stay exact on millisecond data."""
    instant = _parsed(name, value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise BadRequest(
            f"{name} is {value!r}, a {type(value).__name__}; pass a datetime with a zone, such as "
            "datetime(2025, 1, 1, tzinfo=UTC), or '2025-01-01T00:00Z'."
        )
    if instant.tzinfo is None:
        raise BadRequest(
            f"{name} is {value!s} without a time zone; write {instant.isoformat()}Z, or give the datetime a "
            "tzinfo: times here are UTC."
        )
    return -((_EPOCH - instant) // MILLISECOND)


def period(start: Time | None, end: Time | None, *, open_ended: bool = False) -> tuple[int, int]:
    """[start, end) in milliseconds; `open_ended`: None is the beginning, or the end, of what the snapshot holds."""
    first = _EARLIEST if open_ended and start is None else milliseconds("start", start)
    last = _LATEST if open_ended and end is None else milliseconds("end", end)
    if first >= last:
        raise BadRequest(
            f"start {start!s} is not before end {end!s}; start is inclusive, end exclusive. Swap or widen them."
        )
    return first, last


def days(start: date | Time, end: date | Time) -> tuple[str, str]:
    """[start, end) as calendar days in UTC; a time of day is only allowed at midnight."""
    first, last = _day("start", start), _day("end", end)
    if first >= last:
        raise BadRequest(f"start {first} is not before end {last}; end is exclusive. Swap or widen them.")
    return first, last


def instruments(
    symbol: str | Sequence[str] | None,
    ids: str | Sequence[str] | None,
    venue: str | None,
    market: str,
) -> list[str]:
    """Canonical instrument ids from symbols of one venue and market, or from ids; order kept, no doubles."""
    if (symbol is None) == (ids is None):
        raise BadRequest(
            "Pass either symbol (with venue), such as 'BTC/USDT', or instruments, such as "
            "['binance:spot:BTC/USDT']: exactly one of the two."
        )
    if ids is not None:
        return [_instrument(one) for one in _several("instruments", ids)]
    if venue is None or not _VENUE.fullmatch(venue):
        raise BadRequest(f"venue is {venue!r}; a symbol needs its venue, such as 'binance', 'okx' or 'bybit'.")
    if market not in MARKETS:
        raise BadRequest(f"market is {market!r}; allowed: {', '.join(MARKETS)}.")
    return [f"{venue}:{market}:{_symbol(one)}" for one in _several("symbol", symbol or ())]


def perpetuals(ids: list[str]) -> list[str]:
    """The ids, all of perpetual contracts: nothing else pays funding."""
    for one in ids:
        if one.split(":")[1] != "perp":
            raise BadRequest(f"instrument is {one!r}; funding is paid on perpetuals only: <venue>:perp:<BASE/QUOTE>.")
    return ids


def _several(name: str, value: str | Sequence[str]) -> list[str]:
    found = [value] if isinstance(value, str) else list(dict.fromkeys(value))
    if not found:
        raise BadRequest(f"{name} is empty; name at least one.")
    return found


def _symbol(value: str) -> str:
    if not isinstance(value, str) or not _SYMBOL.fullmatch(value):
        raise BadRequest(
            f"symbol is {value!r}; write BASE/QUOTE in capitals, such as 'BTC/USDT'. Client.instruments() lists them."
        )
    return value


def _instrument(value: str) -> str:
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) != 3 or not _VENUE.fullmatch(parts[0]) or parts[1] not in MARKETS:
        raise BadRequest(
            f"instrument is {value!r}; write <venue>:<{'|'.join(MARKETS)}>:<BASE/QUOTE>, such as "
            "'binance:spot:BTC/USDT'. Client.instruments() lists them."
        )
    _symbol(parts[2])
    return value


def _parsed(name: str, value: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise BadRequest(
            f"{name} is {value!r}, which is no ISO 8601 time; write it like '2025-01-01T00:00Z'."
        ) from None


def _day(name: str, value: date | Time) -> str:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            value = _parsed(name, value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    instant = _EPOCH + milliseconds(name, value) * MILLISECOND
    if instant.time() != _EPOCH.time():
        raise BadRequest(f"{name} is {value!s}; Fear & Greed is daily: pass a date or midnight UTC.")
    return instant.date().isoformat()
