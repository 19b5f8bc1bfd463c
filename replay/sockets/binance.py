"""Binance spot and USD-M streams: named in the URL or by SUBSCRIBE, raw at /ws, wrapped at /stream.

Spot: at the root of the host. USD-M: klines under /market, bookTicker under /public; the root acknowledges and stays
silent, as since 2026-04-23. An unknown symbol is also acknowledged. A ping is sent every 20 s (USD-M: 3 min).
"""

import json
import time

from aiohttp import web

from replay.market import Bar
from replay.sockets.feed import MINUTE_MS, Feed
from replay.sockets.hub import Connection
from replay.sockets.session import Rate, hub_of, play, serve

_MESSAGES = {"binance-spot": 5, "binance-usdm": 10}
_PING_SECONDS = {"binance-spot": 20.0, "binance-usdm": 180.0}
_MAX_STREAMS = 1024


class BinanceSocket:
    """One connection."""

    def __init__(self, connection: Connection, market: str, *, combined: bool, serves: tuple[str, ...]):
        self._connection, self._market, self._combined, self._serves = connection, market, combined, serves
        self._rate = Rate(_MESSAGES[connection.venue], 1.0)
        self._streams: set[str] = set()
        self._pinged_at = time.monotonic()
        self.feed = Feed(connection, self._bar, self._quote)

    async def on_open(self) -> None:
        """Subscribe to the streams named in the URL."""
        request = self._connection.request
        named = request.query.get("streams", request.match_info.get("streams", ""))
        if not await play(self._connection):
            self._subscribe([one for one in named.split("/") if one])

    async def on_message(self, text: str) -> None:
        """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS; every message counts against the limit per second."""
        if self._rate.exceeded():
            self._connection.hub.record_violation(f"{self._connection.venue} ws messages")
            await self._connection.close(1008)
            return
        if not text:
            return
        try:
            message = json.loads(text)
            method, number = message["method"], message.get("id")
        except (ValueError, KeyError, TypeError):
            await self._send({"error": {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer"}})
            return
        names = message.get("params") or []
        if method == "LIST_SUBSCRIPTIONS":
            await self._send({"result": sorted(self._streams), "id": number})
        elif method not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            await self._send({"error": {"code": 2, "msg": f"Invalid request: unknown method {method}"}, "id": number})
        elif method == "SUBSCRIBE" and len(self._streams) + len(names) > _MAX_STREAMS:
            await self._send({"error": {"code": 4, "msg": "Too many subscriptions"}, "id": number})
        else:
            await self._send({"result": None, "id": number})
            if method == "SUBSCRIBE":
                if not await play(self._connection):
                    self._subscribe(names)
            else:
                for name in names:
                    self._streams.discard(name)
                    self.feed.remove(name)

    async def tick(self) -> None:
        """The venue's ping."""
        if time.monotonic() - self._pinged_at >= _PING_SECONDS[self._connection.venue]:
            self._pinged_at = time.monotonic()
            await self._connection.socket.ping(str(self._connection.hub.clock.now_ms()).encode())

    async def _send(self, body: object) -> None:
        await self._connection.send(json.dumps(body, separators=(",", ":")))

    def _subscribe(self, names: list[str]) -> None:
        market = self._connection.hub.market
        symbols = market.symbols("binance", self._market)
        for name in names:
            self._streams.add(name)
            venue_symbol, _, kind = name.partition("@")
            symbol = symbols.get(venue_symbol.upper())
            if symbol is None or name != name.lower().replace("bookticker", "bookTicker") or kind not in self._serves:
                continue
            series = market.series("binance", self._market, symbol, "1m")
            if series is not None:
                self.feed.add(name, series, quotes=kind == "bookTicker")

    def _wrapped(self, topic: str, body: dict[str, object]) -> str:
        return json.dumps({"stream": topic, "data": body} if self._combined else body, separators=(",", ":"))

    def _bar(self, topic: str, bars: list[tuple[Bar, bool]], now: int) -> str:
        bar, closed = bars[-1]
        name = topic.partition("@")[0].upper()
        trades = bar.trades or 0
        first = bar.open_time // 1000 * 10 if trades else -1
        kline = {
            "t": bar.open_time,
            "T": bar.open_time + MINUTE_MS - 1,
            "s": name,
            "i": "1m",
            "f": first,
            "L": first + trades - 1 if trades else -1,
            "o": bar.open,
            "c": bar.close,
            "h": bar.high,
            "l": bar.low,
            "v": bar.volume,
            "n": trades,
            "x": closed,
            "q": bar.quote_volume,
            "V": bar.taker_base,
            "Q": bar.taker_quote,
            "B": "0",
        }
        return self._wrapped(topic, {"e": "kline", "E": now, "s": name, "k": kline})

    def _quote(self, topic: str, price: str, update: int, now: int) -> str:
        name = topic.partition("@")[0].upper()
        sides = {"b": price, "B": "1.50000000", "a": _above(price), "A": "2.00000000"}
        if self._market == "spot":
            return self._wrapped(topic, {"u": update, "s": name, **sides})
        body = {"e": "bookTicker", "u": update, "s": name, **sides, "T": now, "E": now, "ps": name, "st": 1}
        return self._wrapped(topic, body)


def _above(price: str) -> str:
    digits = len(price.partition(".")[2])
    number = int(price.replace(".", "")) + 1
    text = str(number).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


def routes(prefix: str, venue: str, market: str) -> list[web.RouteDef]:
    """All addresses of a market."""
    folders: dict[str, tuple[str, ...]] = {"": ("kline_1m", "bookTicker")}
    if market == "perp":
        # Without /market or /public: acknowledged, but no data.
        folders = {"": (), "/market": ("kline_1m",), "/public": ("bookTicker",)}
    found = []
    for folder, serves in folders.items():
        for path, combined in (("/ws", False), ("/ws/{streams:.+}", False), ("/stream", True)):
            handler = _handler(venue, market, combined=combined, serves=serves)
            found.append(web.get(prefix + folder + path, handler))
    return found


def _handler(venue: str, market: str, *, combined: bool, serves: tuple[str, ...]):  # type: ignore[no-untyped-def]
    async def handle(request: web.Request) -> web.StreamResponse:
        connection = await hub_of(request).accept(venue, request)
        return await serve(connection, BinanceSocket(connection, market, combined=combined, serves=serves))

    return handle
