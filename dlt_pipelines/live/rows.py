"""Rows of the live tables as JSON lines, as they are spooled and inserted."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from dlt_pipelines.core.series import Series
from dlt_pipelines.live.clock import MINUTE_MS, recv_us

SOCKET, REST = "socket", "rest"
_LATEST_MS = 9_000_000_000_000  # the year 2255; ClickHouse's DateTime64 ends in 2299


@dataclass(frozen=True, slots=True)
class Stored:
    """What a row adds once ClickHouse has acknowledged it: bars of a series, and how they arrived."""

    series: Series
    opens: tuple[int, ...]
    how: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line for a table such as `raw.okx__live_spot_candles`. `quotes` are dropped first if the spool is full."""

    table: str
    line: bytes
    venue: str
    stored: Stored | None = None
    quotes: bool = False


def _time(micros: int) -> str:
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{micros % 1_000_000:06d}"


def _time_ms(millis: int | None) -> str | None:
    return None if millis is None else _time(plausible_ms(millis) * 1000)[:-3]


def plausible_ms(millis: int) -> int:
    """The same number; ValueError where it is no time of a market in ms (as microseconds would not be)."""
    if not 0 <= millis < _LATEST_MS:
        raise ValueError(f"{millis} is no time in milliseconds since 1970")
    return millis


def page(
    table: str,
    series: Series,
    venue_symbol: str,
    endpoint: str,
    params: Mapping[str, Any],
    payload: str,
    *,
    opens: Sequence[int],
    status: int,
    received_us: int,
    server_ms: int | None,
    rows: int,
    quotes: bool = False,
) -> Row:
    """A raw page. `opens`: open times of its closed bars."""
    text = orjson.dumps(params, option=orjson.OPT_SORT_KEYS).decode()
    body = payload.encode()
    identity = hashlib.sha256(f"{endpoint}\n{text}\n{received_us}\n".encode())
    identity.update(body)
    record = {
        "page_id": str(uuid.UUID(bytes=identity.digest()[:16])),
        "venue": series.venue,
        "market": series.market,
        "symbol": series.symbol,
        "venue_symbol": venue_symbol,
        "timeframe": series.timeframe,
        "lane": "live",
        "endpoint": endpoint,
        "request_params": text,
        "window_start": _time_ms(min(opens)) if opens else None,
        "window_end": _time_ms(max(opens) + MINUTE_MS) if opens else None,
        "http_status": status,
        "fetched_at": _time(received_us),
        "server_time": _time_ms(server_ms),
        "row_count": rows,
        "payload_sha256": hashlib.sha256(body).hexdigest(),
        "payload": payload,
        "proof": "",
    }
    stored = None if quotes else Stored(series, tuple(opens), SOCKET if status == 101 else REST)
    return Row(f"raw.{table}", orjson.dumps(record), series.venue, stored, quotes)


def event(
    reader: str,
    kind: str,
    *,
    venue: str = "",
    market: str = "",
    conn: str = "",
    symbol: str = "",
    start_ms: int | None = None,
    end_ms: int | None = None,
    cause: str = "",
    detail: str = "",
    event_id: str | None = None,
) -> Row:
    """Something that happened (ops.live_events)."""
    record = {
        "event_id": event_id or str(uuid.uuid4()),
        "at": _time(recv_us()),
        "reader": reader,
        "venue": venue,
        "market": market,
        "conn": conn,
        "kind": kind,
        "symbol": symbol,
        "window_start": _time_ms(start_ms),
        "window_end": _time_ms(end_ms),
        "cause": cause,
        "detail": detail,
    }
    return Row("ops.live_events", orjson.dumps(record), venue)


def minute(
    reader: str, venue: str, market: str, open_ms: int, *, due: int, by_socket: int, by_rest: int, complete: bool
) -> Row:
    """The state of a minute (ops.live_minutes)."""
    now = _time(recv_us())
    record = {
        "venue": venue,
        "market": market,
        "minute": _time_ms(open_ms),
        "due": due,
        "by_socket": by_socket,
        "by_rest": by_rest,
        "missing": due - by_socket - by_rest,
        "complete_at": now if complete else None,
        "reader": reader,
        "recorded_at": now,
    }
    return Row("ops.live_minutes", orjson.dumps(record), venue)
