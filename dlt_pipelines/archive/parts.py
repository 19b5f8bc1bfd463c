"""A checked file as rows of the raw archive tables (warehouse/migrations/004_archive.sql)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pyarrow as pa

from dlt_pipelines.archive.files import ArchiveFile
from dlt_pipelines.archive.form import Form

# About 650 KB of text: enough rows a read, few enough bytes a block.
LINES_A_PART = 5_000


@dataclass(frozen=True, slots=True)
class Download:
    """The zip as it came. `tag` is what the venue shows of it without a download."""

    data: bytes
    sha256: str
    tag: str
    fetched_at: datetime


def to_arrow(file: ArchiveFile, download: Download, text: bytes, form: Form, server_time: int | None) -> pa.RecordBatch:
    """All parts of a file as one batch, text as it stands in the file."""
    borders = [0, *form.starts[LINES_A_PART : form.rows : LINES_A_PART].tolist(), int(form.starts[-1])]
    counts = np.diff([*range(0, form.rows, LINES_A_PART), form.rows]).tolist()
    parts = [text[start:end] for start, end in pairwise(borders)]
    fetched_us = round(download.fetched_at.astimezone(UTC).timestamp() * 1_000_000)
    per_part = {
        "page_id": pa.array([_identity(file, download, part, fetched_us) for part in range(len(parts))], pa.string()),
        "row_count": pa.array(counts, pa.uint32()),
        "payload_sha256": pa.array([hashlib.sha256(part).hexdigest() for part in parts], pa.string()),
        "payload": pa.array(parts, pa.binary()),
        "part": pa.array(range(1, len(parts) + 1), pa.uint32()),
    }
    constants = _constants(file, download, form, server_time, fetched_us, len(parts))
    return pa.RecordBatch.from_pydict({**per_part, **constants})


def _identity(file: ArchiveFile, download: Download, part: int, fetched_us: int) -> str:
    text = f"{file.path}\n{download.sha256}\n{part}\n{fetched_us}"
    return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16]))


def _constants(
    file: ArchiveFile, download: Download, form: Form, server_time: int | None, fetched_us: int, parts: int
) -> dict[str, pa.Array]:
    series, ms = file.series, pa.timestamp("ms", "UTC")
    same: dict[str, tuple[Any, pa.DataType]] = {
        "venue": (series.venue, pa.string()),
        "market": (series.market, pa.string()),
        "symbol": (series.symbol, pa.string()),
        "venue_symbol": (file.venue_symbol, pa.string()),
        "timeframe": (series.timeframe, pa.string()),
        "lane": ("archive", pa.string()),
        "endpoint": (file.folder, pa.string()),
        "request_params": (orjson.dumps({"span": file.span}).decode(), pa.string()),
        "window_start": (file.start, ms),
        "window_end": (file.end, ms),
        "http_status": (200, pa.uint16()),
        "fetched_at": (fetched_us, pa.timestamp("us", "UTC")),
        "server_time": (server_time, ms),
        "file_path": (file.path, pa.string()),
        "file_sha256": (download.sha256, pa.string()),
        "file_tag": (download.tag, pa.string()),
        "file_bytes": (len(download.data), pa.uint64()),
        "parts": (parts, pa.uint32()),
        "header": (form.header.decode(), pa.string()),
        "time_unit": (form.time_unit, pa.string()),
        "conflicts": (list(form.conflicts), pa.list_(pa.string())),
    }
    return {name: pa.array([value] * parts, kind) for name, (value, kind) in same.items()}
