"""Bybit v5 public spot: at most 10 args per request, one bad topic fails the whole request, JSON ping."""

import json

from aiohttp import web

from replay.market import Bar
from replay.sockets.binance import _above
from replay.sockets.feed import MINUTE_MS, Feed
from replay.sockets.hub import Connection
from replay.sockets.session import hub_of, play, serve

_MAX_ARGS = 10
_PREFIXES = {"kline.1.": False, "orderbook.1.": True}


class BybitSocket:
    """One connection."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._id = f"conn-{connection.number}"
        self.feed = Feed(connection, self._bar, self._quote)

    async def on_open(self) -> None:
        """Nothing is sent before a request."""

    async def on_message(self, text: str) -> None:
        """ping, subscribe, unsubscribe."""
        if not text:
            return
        try:
            message = json.loads(text)
            op = message["op"]
        except (ValueError, KeyError, TypeError):
            await self._answer(None, "", ok=False, text="Params Error")
            return
        number, args = message.get("req_id"), message.get("args", [])
        if op == "ping":
            await self._answer(number, "ping", ok=True, text="pong")
        elif op not in {"subscribe", "unsubscribe"}:
            await self._answer(number, op, ok=False, text="Params Error")
        elif len(args) > _MAX_ARGS:
            self._connection.hub.record_violation("bybit ws args")
            await self._answer(number, op, ok=False, text="args size >10")
        elif op == "unsubscribe":
            for topic in args:
                self.feed.remove(topic)
            await self._answer(number, op, ok=True, text="")
        else:
            await self._subscribe(number, args)

    async def _subscribe(self, number: str | None, args: list[str]) -> None:
        found = []
        market = self._connection.hub.market
        symbols = market.symbols("bybit", "spot")
        for topic in args:
            prefix = next((one for one in _PREFIXES if topic.startswith(one)), None)
            symbol = symbols.get(topic.removeprefix(prefix)) if prefix else None
            if symbol is None or topic in self._connection.hub.refused_topics:
                await self._answer(number, "subscribe", ok=False, text=f"Invalid symbol :[{topic}]")
                return
            if topic in self.feed.bars or topic in self.feed.quotes:
                await self._answer(number, "subscribe", ok=False, text=f"error:already subscribed,topic:{topic}")
                return
            found.append((topic, market.series("bybit", "spot", symbol, "1m"), _PREFIXES[str(prefix)]))
        await self._answer(number, "subscribe", ok=True, text="subscribe")
        if await play(self._connection):
            return
        for topic, series, quotes in found:
            if series is not None:
                self.feed.add(topic, series, quotes=quotes)

    async def tick(self) -> None:
        """Nothing to do: no idle timeout is documented."""

    async def _answer(self, number: str | None, op: str, *, ok: bool, text: str) -> None:
        body = {"success": ok, "ret_msg": text, "conn_id": self._id, "req_id": number or "", "op": op}
        await self._connection.send(json.dumps(body, separators=(",", ":")))

    def _bar(self, topic: str, bars: list[tuple[Bar, bool]], now: int) -> str:
        data = [
            {
                "start": bar.open_time,
                "end": bar.open_time + MINUTE_MS - 1,
                "interval": "1",
                "open": bar.open,
                "close": bar.close,
                "high": bar.high,
                "low": bar.low,
                "volume": bar.volume,
                "turnover": bar.quote_volume,
                "confirm": closed,
                "timestamp": now,
            }
            for bar, closed in bars
        ]
        return json.dumps({"type": "snapshot", "topic": topic, "data": data, "ts": now}, separators=(",", ":"))

    def _quote(self, topic: str, price: str, update: int, now: int) -> str:
        name = topic.rpartition(".")[2]
        book = {"s": name, "b": [[price, "1.5"]], "a": [[_above(price), "2"]], "u": update, "seq": update * 3}
        body = {"topic": topic, "ts": now, "type": "snapshot", "data": book, "cts": now - 3}
        return json.dumps(body, separators=(",", ":"))


def routes(prefix: str) -> list[web.RouteDef]:
    """The public spot address."""
    return [web.get(f"{prefix}/v5/public/spot", _handle)]


async def _handle(request: web.Request) -> web.StreamResponse:
    connection = await hub_of(request).accept("bybit", request)
    return await serve(connection, BybitSocket(connection))
