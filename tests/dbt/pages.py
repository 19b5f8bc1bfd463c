"""Raw pages as landing would write them, in the venues' formats."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

START = datetime(2025, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_COLUMNS = (
    "page_id venue market symbol venue_symbol timeframe lane endpoint request_params window_start window_end "
    "http_status fetched_at server_time row_count payload_sha256 payload _dlt_load_id _dlt_id proof"
)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def land(
    client: Client,
    table: str,
    payload: Any,
    fetched_at: datetime,
    *,
    series: tuple[str, str, str, str],
    window: tuple[datetime, datetime] | None = None,
    server_time: datetime | None = None,
    request_params: str = "{}",
    proof: str = "",
) -> uuid.UUID:
    """Insert one page; `series` is (venue, market, symbol, timeframe)."""
    venue, market, symbol, timeframe = series
    page_id = uuid.uuid4()
    start, end = window or (None, None)
    row = [
        page_id,
        venue,
        market,
        symbol,
        symbol.replace("/", ""),
        timeframe,
        "rest",
        "/by/hand",
        request_params,
        start,
        end,
        200,
        fetched_at,
        server_time or fetched_at,
        1,
        "",
        json.dumps(payload),
        "load",
        "id",
        proof,
    ]
    client.insert(f"raw.{table}", [row], column_names=_COLUMNS.split())
    return page_id


def land_archive(
    client: Client,
    table: str,
    lines: Sequence[str],
    fetched_at: datetime,
    *,
    series: tuple[str, str, str, str],
    window: tuple[datetime, datetime],
) -> uuid.UUID:
    """Insert one file of one part, without a header row; `series` is (venue, market, symbol, timeframe)."""
    page_id = uuid.uuid4()
    names = ("venue", "market", "symbol", "timeframe", "window_start", "window_end")
    row = dict(zip(names, (*series, *window), strict=True)) | {
        "page_id": page_id,
        "lane": "archive",
        "http_status": 200,
        "fetched_at": fetched_at,
        "server_time": fetched_at,
        "row_count": len(lines),
        "payload": "\n".join(lines),
        "part": 1,
        "parts": 1,
        "time_unit": "ms",
    }
    client.insert(f"raw.{table}", [list(row.values())], column_names=list(row))
    return page_id


def kline(number: int, close: str = "100.5", **other: str) -> list[Any]:
    """A one-minute kline of Binance, `number` minutes after START."""
    opens = milliseconds(START + number * MINUTE)
    prices = {"open": "100", "high": "101", "low": "99", "volume": "2", **other}
    return [
        opens,
        prices["open"],
        prices["high"],
        prices["low"],
        close,
        prices["volume"],
        opens + 59_999,
        "200.5",
        7,
        "1",
        "100",
        "0",
    ]


def land_klines(
    client: Client, klines: Sequence[list[Any]], fetched_at: datetime, *, symbol: str = "BTC/USDT"
) -> uuid.UUID:
    """A page of Binance spot klines whose window is the range of the klines."""
    window = tuple(datetime.fromtimestamp(edge / 1000, UTC) for edge in (klines[0][0], klines[-1][0] + 60_000))
    return land(
        client,
        "binance__spot_klines",
        list(klines),
        fetched_at,
        series=("binance", "spot", symbol, "1m"),
        window=(window[0], window[1]),
    )
