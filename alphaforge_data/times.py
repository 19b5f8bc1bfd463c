"""Converts times and days that callers pass to UTC; accepts every unambiguous form."""

import datetime as dt
from typing import Any, TypeAlias

import numpy as np

from alphaforge_data.errors import BadRequest

# pandas.Timestamp is a datetime.
Time: TypeAlias = dt.datetime | dt.date | str | np.datetime64

MILLISECOND = dt.timedelta(milliseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# The range of ClickHouse's DateTime64; there is no data beyond it.
_REACH = (-2_208_988_800_000, 10_413_705_600_000)


def milliseconds(name: str, value: Time) -> int:
    """A time in milliseconds since 1970-01-01 UTC, rounded up, so that bounds stay exact for millisecond data.

    A date, or text that is only a date, is midnight UTC. A `numpy.datetime64` is UTC by definition. A datetime or
    text with a time of day needs a time zone. Raises BadRequest, which names the argument.
    """
    instant = _instant(name, value)
    return -((EPOCH - instant) // MILLISECOND)


def period(start: Time | None, end: Time | None) -> tuple[int | None, int | None]:
    """[start, end) in milliseconds; None stays open. Raises BadRequest if the window is empty."""
    first = None if start is None else milliseconds("start", start)
    last = None if end is None else milliseconds("end", end)
    if first is not None and last is not None and first >= last:
        raise BadRequest(
            f"start {start!s} is not before end {end!s}; start is inclusive, end exclusive. Swap or widen them."
        )
    return None if first is None else within_reach(first), None if last is None else within_reach(last)


def within_reach(bound: int) -> int:
    """The bound, clipped to the years 1900 to 2299, the only ones that the database supports."""
    return min(max(bound, _REACH[0]), _REACH[1])


def days(start: Time | None, end: Time | None) -> tuple[str | None, str | None]:
    """[start, end) as calendar days in UTC, ISO 8601; a time of day must be midnight."""
    first = None if start is None else _day("start", start)
    last = None if end is None else _day("end", end)
    if first is not None and last is not None and first >= last:
        raise BadRequest(f"start {first} is not before end {last}; end is exclusive. Swap or widen them.")
    return first, last


def as_text(milliseconds_since_1970: int) -> str:
    """ISO 8601 in UTC, to the second where that is exact."""
    instant = EPOCH + milliseconds_since_1970 * MILLISECOND
    return instant.isoformat(timespec="milliseconds" if instant.microsecond else "seconds").replace("+00:00", "Z")


def _instant(name: str, value: Time) -> dt.datetime:
    if type(value).__module__ == "numpy" and hasattr(value, "astype"):
        return _of_numpy(name, value)
    if isinstance(value, str):
        value = _parsed(name, value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    # pandas.NaT is a datetime that is unequal to itself.
    if not isinstance(value, dt.datetime) or value != value:
        raise BadRequest(
            f"{name} is {value!r}, a {type(value).__name__}; pass a datetime with a time zone, a date, a "
            "numpy.datetime64, or text such as '2025-06-20' or '2025-06-20T08:00Z'."
        )
    is_midnight = value.time() == dt.time() and not getattr(value, "nanosecond", 0)
    if value.tzinfo is None and is_midnight and type(value).__module__.startswith("pandas"):
        # pandas has no date type: a midnight without a time zone is a date.
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if value.tzinfo is None:
        raise BadRequest(
            f"{name} is {value!s} without a time zone; write {value.isoformat()}Z, or give the datetime a tzinfo: "
            "times here are UTC."
        )
    return value


def _of_numpy(name: str, value: Any) -> dt.datetime:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind != "M" or getattr(value, "ndim", 1) != 0 or str(value) == "NaT":
        raise BadRequest(f"{name} is {value!r}; a numpy value must be a single datetime64 that is not NaT.")
    # In seconds, because nanoseconds would overflow outside 1677 to 2262; rounded up to microseconds like every bound,
    # since datetime has no finer resolution.
    seconds = value.astype("datetime64[s]")
    nanoseconds = int((value - seconds).astype("timedelta64[ns]").astype("int64"))
    try:
        return EPOCH + dt.timedelta(seconds=int(seconds.astype("int64")), microseconds=-(-nanoseconds // 1000))
    except OverflowError:
        raise BadRequest(f"{name} is {value!s}, which is outside of the years 1 to 9999.") from None


def _parsed(name: str, value: str) -> dt.datetime | dt.date:
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        pass
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        raise BadRequest(
            f"{name} is {value!r}, which is not an ISO 8601 time; write it like '2025-06-20' or '2025-06-20T08:00Z'."
        ) from None


def _day(name: str, value: Time) -> str:
    instant = EPOCH + milliseconds(name, value) * MILLISECOND
    if instant.time() != EPOCH.time():
        raise BadRequest(f"{name} is {value!s}; these rows are daily: pass a date or midnight UTC.")
    return instant.date().isoformat()
