"""Generates archive files, with the tricks applied, and caches them."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from replay.archives.periods import DAY_MS, Period
from replay.archives.tricks import Tricks
from replay.archives.zips import zipped

_MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a file is generated: its header row, whether it has one, its rows of a window, and special columns."""

    member: str
    header: str
    has_header: bool
    rows: Callable[[int, int, bool], list[str]]
    """Rows of [start, end) ms; the flag requests microseconds."""
    close_column: int
    microseconds: bool = False


@dataclass(slots=True)
class Library:
    """Bodies of files by path and tricks."""

    tricks: Tricks = field(default_factory=Tricks)
    _kept: OrderedDict[tuple[str, frozenset[str]], bytes | None] = field(default_factory=OrderedDict)
    _free_bytes: int = _MAX_BYTES

    def body(self, path: str, recipe: Recipe, period: Period) -> bytes | None:
        """The zip, or None if the market has nothing in that period."""
        tricks = self.tricks.on(path)
        key = (path, tricks)
        if key not in self._kept:
            self._kept[key] = made = _make(recipe, period, tricks)
            self._free_bytes -= len(made or b"")
            while self._free_bytes < 0 and len(self._kept) > 1:
                self._free_bytes += len(self._kept.popitem(last=False)[1] or b"")
        self._kept.move_to_end(key)
        return self._kept[key]


def _make(recipe: Recipe, period: Period, tricks: frozenset[str]) -> bytes | None:
    if "missing" in tricks:
        return None
    lines = recipe.rows(period.start_ms, period.end_ms, recipe.microseconds)
    if not lines:
        return None
    if "mixed_units" in tricks:
        middle = (period.start_ms + period.end_ms) // 2 // 60_000 * 60_000
        lines = recipe.rows(period.start_ms, middle, recipe.microseconds)
        lines += recipe.rows(middle, period.end_ms, not recipe.microseconds)
    lines = _without_rows(recipe, period, tricks, lines)
    if "other_period" in tricks:
        lines = recipe.rows(period.start_ms - DAY_MS, period.start_ms, recipe.microseconds) + lines
    if "replaced" in tricks:
        lines[-1] = _changed(lines[-1], recipe.close_column)
    if "duplicates" in tricks:
        lines[5:5] = lines[3:5]
    if "conflicts" in tricks:
        lines.insert(4, _changed(lines[3], recipe.close_column))
    if "ragged" in tricks:
        lines[7] = lines[7].rsplit(",", 1)[0]
    if "unknown_header" in tricks:
        lines = ["a,b,c", *lines]
    elif recipe.has_header or "header" in tricks:
        lines = [recipe.header, *lines]
    return zipped(recipe.member, lines, tricks)


def _without_rows(recipe: Recipe, period: Period, tricks: frozenset[str], lines: list[str]) -> list[str]:
    """Leave out rows, as genuine files may."""
    quarter = len(lines) // 4
    if "short" in tricks:
        lines = lines[:quarter]
    if "no_middle" in tricks:
        lines = lines[: 2 * quarter] + lines[3 * quarter :]
    if "no_day" in tricks:
        first = period.start_ms + 2 * DAY_MS
        lines = recipe.rows(period.start_ms, first, recipe.microseconds)
        lines += recipe.rows(first + DAY_MS, period.end_ms, recipe.microseconds)
    return lines[::-1] if "reversed" in tricks else lines


def _changed(line: str, column: int) -> str:
    """The same row with the last digit of one value changed."""
    values = line.split(",")
    digit = values[column][-1]
    values[column] = values[column][:-1] + ("1" if digit != "1" else "2")
    return ",".join(values)
