"""A checked file as rows of the raw archive tables (warehouse/migrations/004_archive.sql), in ClickHouse's RowBinary.

A row of RowBinary is its values one after the other, so the text goes to the socket from where it lies, uncopied.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import orjson

from dlt_pipelines.archive.files import ArchiveFile
from dlt_pipelines.archive.form import Form

# About 650 KB of text: enough rows a read, few enough bytes a block.
LINES_A_PART = 5_000
_OF_A_PART = ("page_id", "part", "row_count", "payload_sha256", "payload")
_OF_THE_FILE = (
    "venue",
    "market",
    "symbol",
    "venue_symbol",
    "timeframe",
    "lane",
    "endpoint",
    "request_params",
    "window_start",
    "window_end",
    "http_status",
    "fetched_at",
    "server_time",
    "file_path",
    "file_sha256",
    "file_tag",
    "file_bytes",
    "parts",
    "header",
    "time_unit",
    "conflicts",
)
COLUMNS = _OF_A_PART + _OF_THE_FILE


@dataclass(frozen=True, slots=True)
class Download:
    """The zip as it came. `tag` is what the venue shows of it without a download."""

    data: bytes
    sha256: str
    tag: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of COLUMNS, as pieces of bytes that follow each other; `count` of them."""

    count: int
    pieces: list[bytes | memoryview]


def to_rows(file: ArchiveFile, download: Download, text: bytes, form: Form, server_time: int | None) -> Parts:
    """All parts of a file, text as it stands in it."""
    borders = [0, *form.starts[LINES_A_PART : form.rows : LINES_A_PART].tolist(), len(text)]
    count = len(borders) - 1
    fetched_us = round(download.fetched_at.astimezone(UTC).timestamp() * 1_000_000)
    same = _of_the_file(file, download, form, server_time, fetched_us, count)
    pieces: list[bytes | memoryview] = []
    for part, (start, end) in enumerate(pairwise(borders)):
        payload = memoryview(text)[start:end]
        lines = min(LINES_A_PART, form.rows - part * LINES_A_PART)
        own = _identity(file, download, part, fetched_us) + struct.pack("<II", part + 1, lines)
        pieces += [own + _text(hashlib.sha256(payload).hexdigest()) + _length(len(payload)), payload, same]
    return Parts(count, pieces)


def _identity(file: ArchiveFile, download: Download, part: int, fetched_us: int) -> bytes:
    """A UUID, which ClickHouse writes as two numbers."""
    digest = hashlib.sha256(f"{file.path}\n{download.sha256}\n{part}\n{fetched_us}".encode()).digest()
    return digest[7::-1] + digest[15:7:-1]


def _of_the_file(
    file: ArchiveFile, download: Download, form: Form, server_time: int | None, fetched_us: int, parts: int
) -> bytes:
    series = file.series
    names = (series.venue, series.market, series.symbol, file.venue_symbol, series.timeframe, "archive", file.folder)
    return b"".join(
        (
            *map(_text, (*names, orjson.dumps({"span": file.span}).decode())),
            *map(_nullable, (file.start, file.end)),
            struct.pack("<Hq", 200, fetched_us),
            _nullable(server_time),
            _text(file.path),
            download.sha256.encode().ljust(64, b"\0"),
            _text(download.tag),
            struct.pack("<QI", len(download.data), parts),
            *map(_text, (form.header.decode(), form.time_unit)),
            _list(form.conflicts),
        )
    )


def _length(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first, the high bit where more follow."""
    head = bytearray()
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*head, number))


def _text(value: str) -> bytes:
    data = value.encode()
    return _length(len(data)) + data


def _nullable(milliseconds: int | None) -> bytes:
    return b"\1" if milliseconds is None else b"\0" + struct.pack("<q", milliseconds)


def _list(values: Iterable[str]) -> bytes:
    texts = [*map(_text, values)]
    return _length(len(texts)) + b"".join(texts)
