"""What commands print: tables for people, JSON for machines; progress goes to stderr."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mdw.console.tables import Cell, lay_out
from warehouse.utc import aware_utc


class _Output(Console):
    """Wraps lines on a terminal; on a pipe every line stays whole, however long."""

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """Print like rich, but wrap lines only on a terminal."""
        super().print(*objects, soft_wrap=not self.is_terminal if soft_wrap is None else soft_wrap, **options)


out = _Output(highlight=False)
err = _Output(stderr=True, highlight=False)


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
    kept = [[(cell or _cell)(value) for value in row] for row in rows]
    header, lines = lay_out(columns, kept, out.width if out.is_terminal else None)
    if title:
        out.print(Text(title, style="italic"))
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
