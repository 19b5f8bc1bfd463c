"""Timeframes: lengths, and from which stored one to resample."""

import re
from typing import Literal, NewType, TypeAlias

from alphaforge_data.errors import BadRequest

# Any other length, checked by `timeframe`: type checkers accept it like the literal names.
TimeframeName = NewType("TimeframeName", str)
Timeframe: TypeAlias = (
    Literal["1m", "3m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d", "2d", "3d", "1w"]
    | TimeframeName
)

MINUTE = 60_000
DAY = 1440 * MINUTE
WEEK = 7 * DAY
# Weeks begin on Monday; 1970-01-05 was the first one after the epoch.
_FIRST_MONDAY = 4 * DAY
_UNITS = {"m": MINUTE, "h": 60 * MINUTE, "d": DAY, "w": WEEK}
_FORM = re.compile(r"([1-9][0-9]{0,5})([mhdw])")


def timeframe(text: str) -> TimeframeName:
    """A timeframe of any length up to a week, such as '90m', typed for type checkers.

    Parameters
    ----------
    text : str
        A number and m, h, d or w.

    Raises
    ------
    BadRequest
        For anything else.

    Examples
    --------
    >>> timeframe("90m")
    '90m'
    """
    length(text)
    return TimeframeName(text)


def length(timeframe: str) -> int:
    """Milliseconds of a timeframe such as '5m', '4h', '1d' or '1w'. Raises BadRequest for anything else."""
    match = _FORM.fullmatch(timeframe) if isinstance(timeframe, str) else None
    step = int(match[1]) * _UNITS[match[2]] if match else 0
    if not match or step > WEEK:
        raise BadRequest(
            f"timeframe is {timeframe!r}; write a number and m, h, d or w, up to 1w: '1m', '15m', '4h', '1d'."
        )
    return step


def origin(step: int) -> int:
    """Origin of the grid of bars of this length, ms since 1970: a Monday for weeks, else the epoch."""
    return _FIRST_MONDAY if step % WEEK == 0 else 0


def source(timeframe: str, stored: dict[str, int]) -> str:
    """The stored timeframe to read: the same length, else the shortest that divides it.

    `stored`: length in milliseconds by name. The shortest, because only it shows a missing minute. Raises BadRequest
    if none divides it.
    """
    step = length(timeframe)
    for name, its in stored.items():
        if its == step:
            return name
    for name, its in sorted(stored.items(), key=lambda entry: entry[1]):
        if step % its == 0:
            return name
    raise BadRequest(
        f"timeframe is {timeframe!r}; stored here: {', '.join(stored)}. Ask for one of these or a multiple."
    )
