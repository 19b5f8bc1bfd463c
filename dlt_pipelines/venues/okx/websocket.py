"""OKX v5: candle1m on the business socket, bbo-tbt on the public one, a text ping before 30 s of silence.

Facts: OKX's documentation (overview, order book trading, error codes) as mirrored in samwjc/okx-api-v5-docs-zh. Candle
frames have no event time. Codes 64008 and the event `notice` announce the end of a connection.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import Kind, Message, Place, RestRow, Topic

_MOST_ARGS = 100
_CLOSING = {"64008"}
# Too many requests, an internal error: nothing is wrong with the topics.
_BUSY = {"60014", "64007"}
_HARMLESS = {"channel-conn-count", "channel-conn-count-error", "login", "unsubscribe"}


class OkxWebSocket:
    """One reply per arg; errors name the arg only in the message text."""

    place = Place(
        "okx",
        "spot",
        "okx__live_spot_candles",
        "okx__live_spot_quotes",
        "okx_ws_url",
        "wss://ws.okx.com:8443",
        "https://www.okx.com",
        5_000,
    )
    most_topics = 200
    ping_text = "ping"
    life_seconds = None
    request_gap_seconds = 0.5
    quotes_have_time = True

    def topic(self, series: Series, *, quotes: bool) -> str:
        """Channel and instrument."""
        return f"{'bbo-tbt' if quotes else 'candle1m'}:{series.symbol.replace('/', '-')}"

    def path(self, topics: Sequence[Topic]) -> str:
        """Candles are refused at /public (60018)."""
        return "/ws/v5/public" if topics[0].quotes else "/ws/v5/business"

    def requests(self, topics: Sequence[Topic]) -> list[tuple[str, tuple[str, ...]]]:
        """At most 100 args per request; 64 KB are allowed."""
        found = []
        for first in range(0, len(topics), _MOST_ARGS):
            names = tuple(topic.name for topic in topics[first : first + _MOST_ARGS])
            args = [dict(zip(("channel", "instId"), name.split(":"), strict=True)) for name in names]
            found.append((orjson.dumps({"op": "subscribe", "args": args}).decode(), names))
        return found

    def read(self, text: str) -> Message:
        """`confirm` is "1" on a closed bar."""
        if text == "pong":
            return Message(Kind.PONG)
        body = orjson.loads(text)
        if "data" in body:
            arg = body["arg"]
            topic = f"{arg['channel']}:{arg.get('instId', '')}"
            if arg["channel"] == "bbo-tbt":
                row = body["data"][-1]
                return Message(Kind.QUOTE, topic, event_ms=int(row["ts"]), update=int(row.get("seqId", row["ts"])))
            if not arg["channel"].startswith("candle"):
                return Message(Kind.UNKNOWN, text=text[:300])
            # Frames of 2022 have no flag, so such a bar is not known to be closed.
            opens = tuple(int(row[0]) for row in body["data"] if len(row) > 8 and row[8] == "1")
            return Message(Kind.CLOSED if opens else Kind.OPEN, topic, opens)
        event, code = body.get("event"), str(body.get("code", ""))
        if event == "notice" or code in _CLOSING:
            return Message(Kind.NOTICE, text=text[:300])
        if event == "subscribe":
            return Message(Kind.ACK, topics=(f"{body['arg']['channel']}:{body['arg']['instId']}",))
        if event == "error" and code in _BUSY:
            return Message(Kind.BUSY, text=f"{code} {body.get('msg', '')}"[:300])
        if event == "error":
            return Message(Kind.REFUSED, topics=_named(body), text=f"{code} {body.get('msg', '')}"[:300])
        if event in _HARMLESS:
            return Message(Kind.CONTROL)
        return Message(Kind.UNKNOWN, text=text[:300])

    def rest_rows(self, body: Any) -> list[RestRow]:
        """Row: open ms, …, volume at 5, confirm at 8."""
        return [RestRow(int(row[0]), float(row[5]) > 0, row[8] == "1") for row in body["data"]]

    def values(self, body: Any, open_ms: int, *, rest: bool) -> tuple[str, ...]:
        """The same rows in both."""
        return next((tuple(row[1:7]) for row in body["data"] if int(row[0]) == open_ms), ())

    def splits(self, message: Message) -> bool:
        """If the message does not name the arg."""
        return not message.topics


def _named(body: dict[str, Any]) -> tuple[str, ...]:
    """`…channel:candle1m,instId:BTC-USDT doesn't exist…`."""
    words = str(body.get("msg", ""))
    if "channel:" not in words or "instId:" not in words:
        return ()
    channel = words.split("channel:", 1)[1].split(",", 1)[0]
    name = words.split("instId:", 1)[1].split(" ", 1)[0].rstrip(".,")
    return (f"{channel}:{name}",)
