"""What commands print: tables for people, JSON for machines; progress goes to stderr."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z; fractions only where there are any."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
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


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table; numbers to the right."""
    grid = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    kept = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[index], int | float) or row[index] is None for row in kept)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in kept:
        grid.add_row(*(_cell(value) for value in row))
    out.print(grid)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, datetime):
        # A column of times must fit a terminal: UTC without saying so in each cell, and no empty seconds.
        return utc(value).rstrip("Z").replace("T", " ").removesuffix(":00")
    return value if isinstance(value, str) else str(plain(value))
