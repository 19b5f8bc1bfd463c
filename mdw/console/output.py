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
    """A terminal gets lines that fit it; a pipe gets every line whole, however long."""

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        """As rich prints, wrapped on a terminal only."""
        super().print(*objects, soft_wrap=not self.is_terminal if soft_wrap is None else soft_wrap, **options)


out = _Output(highlight=False)
err = _Output(stderr=True, highlight=False)


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z; fractions only where there are any."""
    aware = aware_utc(moment)
    return aware.isoformat(timespec="milliseconds" if aware.microsecond else "seconds").replace("+00:00", "Z")


def plain(value: object) -> object:
    """A value as JSON knows it: times in UTC, decimals as text."""
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
    # Not through rich: it would wrap long lines at the width of a terminal.
    print(json.dumps(document, default=plain, ensure_ascii=False))  # noqa: T201


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    title: str | None = None,
    cell: Callable[[object], Cell] | None = None,
) -> None:
    """A table; numbers to the right, one line a row on a pipe. `cell` replaces how values become text."""
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
        # A column of times must fit a terminal: UTC without saying so in each cell, and no empty seconds.
        return Cell(utc(value).rstrip("Z").replace("T", " ").removesuffix(":00"), whole=True)
    return Cell(" ".join((value if isinstance(value, str) else str(plain(value))).splitlines()))
