"""Bybit v5 public spot: kline.1 and orderbook.1, ten args a request, a JSON ping every 20 s.

Facts: bybit-exchange/docs, docs/v5/websocket/public/{kline,orderbook}.mdx and its connect page. A `data` array may hold
more than one bar; one bad topic fails its whole request; a repeated topic is refused or not answered, and keeps being
sent.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import Kind, Message, Place, RestRow, Topic

_MOST_ARGS = 10


class BybitWebSocket:
    """Replies carry the id of their request."""

    place = Place(
        "bybit",
        "spot",
        "bybit__live_spot_klines",
        "bybit__live_spot_quotes",
        "bybit_ws_url",
        "wss://stream.bybit.com",
        "https://api.bybit.com",
        5_000,
    )
    most_topics = 200
    ping_text = '{"op":"ping"}'
    life_seconds = 24 * 3600.0
    request_gap_seconds = 0.2
    quotes_have_time = True

    def topic(self, series: Series, *, quotes: bool) -> str:
        """Topic and symbol."""
        return f"{'orderbook' if quotes else 'kline'}.1.{series.symbol.replace('/', '')}"

    def path(self, topics: Sequence[Topic]) -> str:
        """One address for both."""
        return "/v5/public/spot"

    def requests(self, topics: Sequence[Topic]) -> list[tuple[str, tuple[str, ...]]]:
        """At most ten args each; the id tells which topics a reply is about."""
        found = []
        for first in range(0, len(topics), _MOST_ARGS):
            names = tuple(topic.name for topic in topics[first : first + _MOST_ARGS])
            request = {"req_id": names[0] + f"+{len(names)}", "op": "subscribe", "args": list(names)}
            found.append((orjson.dumps(request).decode(), names))
        return found

    def read(self, text: str) -> Message:
        """`confirm` is true on a closed bar."""
        body = orjson.loads(text)
        topic = body.get("topic", "")
        if topic.startswith("kline."):
            opens = tuple(int(bar["start"]) for bar in body["data"] if bar["confirm"] is True)
            return Message(Kind.CLOSED if opens else Kind.OPEN, topic, opens, int(body["ts"]))
        if topic.startswith("orderbook."):
            return Message(Kind.QUOTE, topic, event_ms=int(body.get("cts", body["ts"])), update=int(body["data"]["u"]))
        if body.get("ret_msg") == "pong" or body.get("op") in {"ping", "pong"}:
            return Message(Kind.PONG)
        if body.get("op") == "subscribe":
            words = str(body.get("ret_msg", ""))
            request = str(body.get("req_id", ""))
            if body.get("success") is True:
                return Message(Kind.ACK, request=request)
            if "already subscribed" in words:
                return Message(Kind.ACK, topics=(words.rpartition("topic:")[2],), request=request)
            return Message(Kind.REFUSED, request=request, text=words[:300])
        return Message(Kind.UNKNOWN, text=text[:300])

    def rest_rows(self, body: Any) -> list[RestRow]:
        """Row: open ms, …, volume at 5."""
        return [RestRow(int(row[0]), float(row[5]) > 0) for row in body["result"]["list"]]

    def values(self, body: Any, open_ms: int, *, rest: bool) -> tuple[str, ...]:
        """Rows of REST, or the objects of a frame."""
        if rest:
            return next((tuple(row[1:7]) for row in body["result"]["list"] if int(row[0]) == open_ms), ())
        names = ("open", "high", "low", "close", "volume", "turnover")
        found = (bar for bar in body["data"] if int(bar["start"]) == open_ms)
        return next((tuple(bar[name] for name in names) for bar in found), ())

    def splits(self, message: Message) -> bool:
        """A request is refused as a whole."""
        return True
