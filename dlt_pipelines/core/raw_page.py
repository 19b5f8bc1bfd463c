"""One fetched page: a row of the raw tables (warehouse/migrations/002_raw_pages.sql)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa

from dlt_pipelines.core.series import Series

_COLUMNS: dict[str, pa.DataType] = {
    "page_id": pa.string(),
    "venue": pa.string(),
    "market": pa.string(),
    "symbol": pa.string(),
    "venue_symbol": pa.string(),
    "timeframe": pa.string(),
    "lane": pa.string(),
    "endpoint": pa.string(),
    "request_params": pa.string(),
    "window_start": pa.timestamp("ms", "UTC"),
    "window_end": pa.timestamp("ms", "UTC"),
    "http_status": pa.int64(),
    "fetched_at": pa.timestamp("us", "UTC"),
    "server_time": pa.timestamp("ms", "UTC"),
    "row_count": pa.int64(),
    "payload_sha256": pa.string(),
    "payload": pa.string(),
    "proof": pa.string(),
}

# What a page proves: its window; or, for a listing, whether the list is complete with this page or not.
WINDOW, WHOLE, PART = "window", "whole", "part"


@dataclass(frozen=True, slots=True)
class Page:
    """Body and provenance. Window and server time: ms since 1970, or None."""

    series: Series
    table: str
    venue_symbol: str
    endpoint: str
    params: Mapping[str, str]
    window_start: int | None
    window_end: int | None
    status: int
    fetched_at: datetime
    server_time: int | None
    rows: int
    payload: str
    proof: str = WINDOW

    def record(self) -> dict[str, Any]:
        """Column values by name."""
        series = self.series
        params = orjson.dumps(dict(self.params), option=orjson.OPT_SORT_KEYS).decode()
        fetched_us = round(self.fetched_at.astimezone(UTC).timestamp() * 1_000_000)
        body = self.payload.encode()
        identity = hashlib.sha256(f"{self.endpoint}\n{params}\n{fetched_us}\n".encode())
        identity.update(body)
        return {
            "page_id": str(UUID(bytes=identity.digest()[:16])),
            "venue": series.venue,
            "market": series.market,
            "symbol": series.symbol,
            "venue_symbol": self.venue_symbol,
            "timeframe": series.timeframe,
            "lane": "rest",
            "endpoint": self.endpoint,
            "request_params": params,
            "window_start": self.window_start,
            "window_end": self.window_end,
            "http_status": self.status,
            "fetched_at": fetched_us,
            "server_time": self.server_time,
            "row_count": self.rows,
            "payload_sha256": hashlib.sha256(body).hexdigest(),
            "payload": self.payload,
            "proof": self.proof,
        }


def to_arrow(pages: Sequence[Page]) -> pa.Table:
    """Pages of one table as Arrow: text stays text, byte for byte."""
    records = [page.record() for page in pages]
    return pa.table({name: pa.array([row[name] for row in records], kind) for name, kind in _COLUMNS.items()})
