"""What commands print: tables for people, JSON for machines; progress goes to stderr."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mdw.console.tables import Cell, lay_out
from warehouse.utc import aware_utc

# Control characters as their symbols, one for one; C1 controls and those that reorder text have none.
_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
}


class _Output(Console):
    """Wraps lines on a terminal; on a pipe every line stays whole, however long.

    Text is shown as it is, since much of it comes from venues and files: brackets are markup only with `markup=True`
    (then `escape` the values in it), and control characters are made visible instead of reaching the terminal.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **options})

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """Print like rich, but wrap lines only on a terminal."""
        wrap = not self.is_terminal if soft_wrap is None else soft_wrap
        super().print(*(_safe(one) for one in objects), soft_wrap=wrap, **options)


def visible(text: str) -> str:
    """Text whose control characters, except line feeds and tabs, are replaced by symbols."""
    return text.translate(_VISIBLE)


def _safe(printed: Any) -> Any:
    if isinstance(printed, str):
        return visible(printed)
    if isinstance(printed, Text):
        # Symbols replace characters one for one, so the styled spans remain where they are.
        printed.plain = visible(printed.plain)
    return printed


out = _Output()
err = _Output(stderr=True)


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z; fractions only where there are any."""
    aware = aware_utc(moment)
    return aware.isoformat(timespec="milliseconds" if aware.microsecond else "seconds").replace("+00:00", "Z")


def plain(value: object) -> object:
    """A value as JSON: times in UTC, decimals as text."""
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    # Not through rich, which would wrap long lines at the terminal's width.
    print(json.dumps(document, default=plain, ensure_ascii=False))  # noqa: T201


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    title: str | None = None,
    cell: Callable[[object], Cell] | None = None,
) -> None:
    """Print a table; numbers right-aligned, one line per row on a pipe. `cell` replaces the formatting of values."""
    cells = [[(cell or _cell)(value) for value in row] for row in rows]
    kept = [[replace(one, text=visible(one.text)) for one in row] for row in cells]
    header, lines = lay_out(columns, kept, out.width if out.is_terminal else None)
    if title:
        out.print(Text(visible(title), style="italic"))
    for line in header:
        out.print(Text(line, style="bold"), soft_wrap=True)
    for line in lines:
        out.print(Text(line), soft_wrap=True)


def _cell(value: object) -> Cell:
    if value is None:
        return Cell("-", right=True)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int):
        return Cell(f"{value:,}", right=True, whole=True)
    if isinstance(value, float):
        return Cell(f"{value:,.10g}", right=True, whole=True)
    if isinstance(value, datetime):
        # Times are kept short to fit a terminal: no time zone (always UTC), and no zero seconds.
        return Cell(utc(value).rstrip("Z").replace("T", " ").removesuffix(":00"), whole=True)
    return Cell(" ".join((value if isinstance(value, str) else str(plain(value))).splitlines()))
