"""Read files, packed or not."""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any


def read_text(path: Path) -> str:
    """The text of a file, unpacked if its name ends in .gz."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def read_json(path: Path, *, numbers_as_text: bool = False) -> Any:
    """The JSON of a file; `numbers_as_text` keeps the digits of fractions as they stand."""
    return json.loads(read_text(path), parse_float=str) if numbers_as_text else json.loads(read_text(path))


def read_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file after its header."""
    rows = csv.reader(read_text(path).splitlines())
    next(rows)
    return rows


@lru_cache(maxsize=4096)
def _day_ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


def utc_ms(text: str) -> int:
    """Milliseconds of `2025-01-01 00:00:00[.ffffff][+00:00]`; a time without zone is UTC, any other zone is refused."""
    clock, _, zone = text[11:].partition("+")
    if zone not in {"", "00:00"}:
        raise ValueError(f"{text} is not UTC")
    whole, _, fraction = clock.partition(".")
    seconds = int(whole[:2]) * 3600 + int(whole[3:5]) * 60 + int(whole[6:8])
    return _day_ms(text[:10]) + seconds * 1000 + int((fraction + "000")[:3])
