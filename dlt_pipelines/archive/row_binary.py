"""A checked file as rows of the raw archive tables (warehouse/migrations/004_archive.sql), in ClickHouse's RowBinary.

A row of RowBinary is the concatenation of its values, so the text is sent without being copied.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

import orjson

from dlt_pipelines.archive.csv_check import CsvRows
from dlt_pipelines.archive.download import Download
from dlt_pipelines.archive.proof import Stretch, missing, stretches
from dlt_pipelines.core.archive import ArchiveFile
from dlt_pipelines.core.intervals import Windows
from dlt_pipelines.core.raw_page import WINDOW

# About 650 KB of text: large enough for efficient reads, small enough for a block.
LINES_PER_PART = 5_000
_OF_A_PART = ("page_id", "part", "row_count", "window_start", "window_end", "payload_sha256", "payload")
_OF_THE_FILE = (
    "venue",
    "market",
    "symbol",
    "venue_symbol",
    "timeframe",
    "lane",
    "endpoint",
    "request_params",
    "proof",
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
class Parts:
    """`count` rows of COLUMNS as consecutive pieces of bytes, and the windows that none of them proves."""

    count: int
    pieces: list[bytes | memoryview]
    missing: Windows


def to_rows(file: ArchiveFile, download: Download, text: bytes, csv: CsvRows, server_time: int | None) -> Parts:
    """All parts of a file, its text unchanged: whole lines, cut where rows are missing between them."""
    proven = stretches(file.series, (file.start, file.end), csv.times, csv.conflict_times)
    cuts = list(_cuts(proven, csv))
    count = len(cuts)
    fetched_us = round(download.fetched_at.astimezone(UTC).timestamp() * 1_000_000)
    same = _file_fields(file, download, csv, server_time, fetched_us, count)
    pieces: list[bytes | memoryview] = []
    for part, cut in enumerate(cuts):
        # The header row belongs to the first part.
        payload = memoryview(text)[int(csv.starts[cut.first]) if part else 0 : int(csv.starts[cut.last])]
        own = _page_id(file, download, part, fetched_us) + struct.pack("<II", part + 1, cut.last - cut.first)
        window = b"".join(map(_nullable, cut.window or (None, None)))
        pieces += [own + window + _text(hashlib.sha256(payload).hexdigest()) + _length(len(payload)), payload, same]
    return Parts(count, pieces, missing((file.start, file.end), proven))


def _cuts(proven: Sequence[Stretch], csv: CsvRows) -> Iterator[Stretch]:
    """Cut stretches into parts of limited length; each part covers the time up to the first row of the next one."""
    for one in proven:
        for first in range(one.first, one.last, LINES_PER_PART):
            last = min(first + LINES_PER_PART, one.last)
            window = one.window
            if window is not None and _is_ordered(csv):
                start = window[0] if first == one.first else int(csv.times[first])
                window = (start, window[1] if last == one.last else int(csv.times[last]))
            yield Stretch(first, last, window)


def _is_ordered(csv: CsvRows) -> bool:
    return not (csv.times[1:] < csv.times[:-1]).any()


def _page_id(file: ArchiveFile, download: Download, part: int, fetched_us: int) -> bytes:
    """The page_id: a UUID, which ClickHouse stores as two integers."""
    digest = hashlib.sha256(f"{file.path}\n{download.sha256}\n{part}\n{fetched_us}".encode()).digest()
    return digest[7::-1] + digest[15:7:-1]


def _file_fields(
    file: ArchiveFile, download: Download, csv: CsvRows, server_time: int | None, fetched_us: int, parts: int
) -> bytes:
    series = file.series
    names = (series.venue, series.market, series.symbol, file.venue_symbol, series.timeframe, "archive", file.folder)
    return b"".join(
        (
            *map(_text, (*names, orjson.dumps(_period_fields(file)).decode(), WINDOW)),
            struct.pack("<Hq", 200, fetched_us),
            _nullable(server_time),
            _text(file.path),
            download.sha256.encode().ljust(64, b"\0"),
            _text(download.tag),
            struct.pack("<QI", len(download.data), parts),
            *map(_text, (csv.header.decode(), csv.time_unit)),
            _list(csv.conflicts),
        )
    )


def _period_fields(file: ArchiveFile) -> dict[str, str | int]:
    """Kind and period of the file; `end` becomes asked_end in ops.coverage."""
    return {"span": file.span, "start": file.start, "end": file.end}


def _length(number: int) -> bytes:
    """LEB128: seven bits per byte, lowest first; the high bit is set if more bytes follow."""
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
