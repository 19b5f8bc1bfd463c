"""OKX v5: one reply per arg, candles only on /business, text ping, closed after 30 s without a message either way."""

import json
import time
from functools import partial

from aiohttp import web

from replay.market import Bar
from replay.sockets.binance import _above
from replay.sockets.feed import Feed
from replay.sockets.hub import Connection
from replay.sockets.session import Rate, hub_of, play, serve

_IDLE_SECONDS = 30.0
_REQUESTS_PER_HOUR = 480
_CHANNELS = {"business": {"candle1m": False}, "public": {"bbo-tbt": True}}


class OkxSocket:
    """One connection."""

    def __init__(self, connection: Connection, address: str):
        self._connection, self._channels = connection, _CHANNELS[address]
        self._rate = Rate(_REQUESTS_PER_HOUR, 3600.0)
        self._id = f"{connection.number:08x}"
        self.feed = Feed(connection, self._bar, self._quote)

    async def on_open(self) -> None:
        """Nothing is sent before a request."""

    async def on_message(self, text: str) -> None:
        """`ping`, subscribe, unsubscribe."""
        if text == "ping":
            await self._connection.send("pong")
            return
        if not text:
            return
        try:
            message = json.loads(text)
            op, args = message["op"], message["args"]
        except (ValueError, KeyError, TypeError):
            await self._error("60012", "Illegal request: " + text)
            return
        hub = self._connection.hub
        if len(text) > 65_536:
            await self._connection.close(1009)
            return
        if op not in {"subscribe", "unsubscribe"}:
            await self._error("60012", "Illegal request: " + text)
            return
        if self._rate.exceeded():
            hub.record_violation("okx ws requests")
            await self._error("60014", "Requests too frequent")
            return
        for arg in args:
            await self._one(op, arg, message.get("id"))
        if op == "subscribe" and await play(self._connection):
            self.feed.bars.clear()

    async def _one(self, op: str, arg: dict[str, str], number: str | None) -> None:
        channel, name = arg.get("channel", ""), arg.get("instId", "")
        hub = self._connection.hub
        topic = f"{channel}:{name}"
        symbol = hub.market.symbols("okx", "spot").get(name)
        if channel not in self._channels:
            advice = "Please use the correct URL, channel and parameters referring to API document."
            await self._error("60018", f"Wrong URL or channel:{channel},instId:{name} doesn't exist. {advice}")
            return
        if symbol is None or topic in hub.refused_topics:
            await self._error("60018", f"Wrong URL or channel:{channel},instId:{name} doesn't exist.")
            return
        answer = {"event": op, "arg": arg, "connId": self._id}
        await self._send(answer if number is None else {"id": number, **answer})
        if op == "unsubscribe":
            self.feed.remove(topic)
        elif (series := hub.market.series("okx", "spot", symbol, "1m")) is not None:
            self.feed.add(topic, series, quotes=self._channels[channel])

    async def tick(self) -> None:
        """Enforce the idle timeout."""
        if time.monotonic() - max(self._connection.received_at, self._connection.sent_at) > _IDLE_SECONDS:
            self._connection.hub.counts["okx idle ends"] += 1
            await self._connection.close(4004)

    async def _error(self, code: str, text: str) -> None:
        await self._send({"event": "error", "code": code, "msg": text, "connId": self._id})

    async def _send(self, body: object) -> None:
        await self._connection.send(json.dumps(body, separators=(",", ":")))

    def _bar(self, topic: str, bars: list[tuple[Bar, bool]], now: int) -> str:
        channel, name = topic.split(":")
        rows = [
            [
                str(bar.open_time),
                bar.open,
                bar.high,
                bar.low,
                bar.close,
                bar.volume,
                bar.quote_volume,
                bar.quote_volume,
                "1" if closed else "0",
            ]
            for bar, closed in bars
        ]
        return json.dumps({"arg": {"channel": channel, "instId": name}, "data": rows}, separators=(",", ":"))

    def _quote(self, topic: str, price: str, update: int, now: int) -> str:
        channel, name = topic.split(":")
        book = {"asks": [[_above(price), "2", "0", "3"]], "bids": [[price, "1.5", "0", "2"]]}
        row = {**book, "ts": str(now), "seqId": update}
        return json.dumps({"arg": {"channel": channel, "instId": name}, "data": [row]}, separators=(",", ":"))


def routes(prefix: str) -> list[web.RouteDef]:
    """Both addresses."""
    return [web.get(f"{prefix}/ws/v5/{address}", partial(_handle, address)) for address in _CHANNELS]


async def _handle(address: str, request: web.Request) -> web.StreamResponse:
    connection = await hub_of(request).accept("okx", request)
    return await serve(connection, OkxSocket(connection, address))
