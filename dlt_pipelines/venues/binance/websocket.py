"""Binance spot and USD-M streams, named in the URL, so that no message counts against a limit.

Facts: the stream page of binance/binance-spot-api-docs (kline, bookTicker, 24 h, pings, 1,024 streams); the routed
addresses of USD-M (/market, /public) from Binance's change notice of 2026-03-06: since 2026-04-23 the address without a
route acknowledges but sends nothing.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import Kind, Message, Place, RestRow, Topic

SPOT = Place(
    "binance",
    "spot",
    "binance__live_spot_klines",
    "binance__live_spot_quotes",
    "binance_spot_ws_url",
    "wss://stream.binance.com:9443",
    "https://api.binance.com",
    3_000,
)
USDM = Place(
    "binance",
    "perp",
    "binance__live_usdm_klines",
    "binance__live_usdm_quotes",
    "binance_usdm_ws_url",
    "wss://fstream.binance.com",
    "https://fapi.binance.com",
    3_000,
)
_FOLDER = {"spot": ("", ""), "perp": ("/market", "/public")}


class BinanceWebSocket:
    """Frames of combined streams: {"stream": …, "data": …}."""

    most_topics = 200
    ping_text = None
    life_seconds = 24 * 3600.0
    request_gap_seconds = 0.5

    def __init__(self, place: Place) -> None:
        self.place = place
        self.quotes_have_time = place.market == "perp"

    def topic(self, series: Series, *, quotes: bool) -> str:
        """Names are lower case."""
        name = series.symbol.replace("/", "").lower()
        return f"{name}@bookTicker" if quotes else f"{name}@kline_1m"

    def path(self, topics: Sequence[Topic]) -> str:
        """The topics of a connection are either bars or quotes: USD-M serves them at different addresses."""
        folder = _FOLDER[self.place.market][topics[0].quotes]
        return f"{folder}/stream?streams={'/'.join(topic.name for topic in topics)}"

    def requests(self, topics: Sequence[Topic]) -> list[tuple[str, tuple[str, ...]]]:
        """None: the address has them."""
        return []

    def read(self, text: str) -> Message:
        """`x` says whether a bar is closed; `E` is the event time, which spot's bookTicker lacks."""
        body = orjson.loads(text)
        data = body.get("data", body)
        if not isinstance(data, dict):
            return Message(Kind.UNKNOWN, text=text[:300])
        event = data.get("e")
        if event == "kline":
            kline = data["k"]
            topic = body.get("stream") or f"{data['s'].lower()}@kline_{kline['i']}"
            if kline["x"] is True:
                return Message(Kind.CLOSED, topic, (int(kline["t"]),), int(data["E"]))
            return Message(Kind.OPEN, topic, event_ms=int(data["E"]))
        if event == "bookTicker" or (event is None and "u" in data and "b" in data):
            topic = body.get("stream") or f"{data['s'].lower()}@bookTicker"
            return Message(Kind.QUOTE, topic, event_ms=int(data["T"]) if "T" in data else None, update=int(data["u"]))
        if event == "serverShutdown":
            return Message(Kind.NOTICE, text="serverShutdown")
        if "error" in body or ("code" in body and "msg" in body):
            return Message(Kind.REFUSED, request=str(body.get("id", "")), text=text[:300])
        if "result" in body:
            return Message(Kind.ACK, request=str(body.get("id", "")))
        return Message(Kind.UNKNOWN, text=text[:300])

    def rest_rows(self, body: Any) -> list[RestRow]:
        """Row: open ms, …, volume at 5."""
        return [RestRow(int(row[0]), float(row[5]) > 0) for row in body]

    def values(self, body: Any, open_ms: int, *, rest: bool) -> tuple[str, ...]:
        """Rows of REST, or the kline of a frame."""
        if rest:
            return next(((*row[1:6], row[7]) for row in body if int(row[0]) == open_ms), ())
        kline = body.get("data", body)["k"]
        return tuple(kline[name] for name in "ohlcvq") if kline["t"] == open_ms else ()

    def splits(self, message: Message) -> bool:
        """Unknown symbols are acknowledged like any other."""
        return False
