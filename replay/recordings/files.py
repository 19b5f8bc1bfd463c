"""Reads files, compressed or not."""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any


def read_text(path: Path) -> str:
    """The text of a file, decompressed if its name ends in .gz."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def read_json(path: Path, *, numbers_as_text: bool = False) -> Any:
    """The JSON of a file; `numbers_as_text` keeps fractions as text, with all digits."""
    return json.loads(read_text(path), parse_float=str) if numbers_as_text else json.loads(read_text(path))


def read_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file after its header."""
    rows = csv.reader(read_text(path).splitlines())
    next(rows)
    return rows


@lru_cache(maxsize=65_536)
def _hour_ms(hour: str, zone: str) -> int:
    if zone not in {"", "+00:00"}:
        raise ValueError(f"{hour}:…{zone} is not UTC")
    return int(datetime.fromisoformat(hour).replace(tzinfo=UTC).timestamp()) * 1000


def utc_ms(text: str) -> int:
    """Milliseconds of `2025-01-01 00:00:00[.ffffff][+00:00]`; without a time zone it is UTC, others are refused."""
    millis, zone = (int(text[20:23]), text[26:]) if text[19:20] == "." else (0, text[19:])
    return _hour_ms(text[:13], zone) + int(text[14:16]) * 60_000 + int(text[17:19]) * 1000 + millis
