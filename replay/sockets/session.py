"""The loop of one connection, the same at every venue: read, answer, feed, end."""

import asyncio
import contextlib
import time
from collections import deque
from typing import Protocol

from aiohttp import WSMsgType, web

from replay.sockets.feed import Feed
from replay.sockets.hub import Connection, Sockets


class Protocol_(Protocol):  # noqa: N801 (typing.Protocol has the name)
    """What a venue answers."""

    feed: Feed

    async def opened(self) -> None:
        """After the handshake."""

    async def heard(self, text: str) -> None:
        """A text frame of the client."""

    async def tick(self) -> None:
        """Every 200 ms: pings, idle limits."""


async def serve(connection: Connection, protocol: Protocol_) -> web.WebSocketResponse:
    """Serve until either side ends."""
    hub, socket = connection.hub, connection.socket
    born = hub.clock.now_ms()
    tasks = [asyncio.create_task(protocol.feed.run()), asyncio.create_task(_ticks(connection, protocol, born))]
    try:
        await protocol.opened()
        async for message in socket:
            if connection.ended:
                break
            connection.heard_at = time.monotonic()
            if message.type is WSMsgType.PING and connection.pongs:
                await socket.pong(message.data)
                await protocol.heard("")
            elif message.type is WSMsgType.TEXT and connection.pongs:
                await protocol.heard(message.data)
    finally:
        hub.gone(connection)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*tasks, return_exceptions=True)
    return socket


async def _ticks(connection: Connection, protocol: Protocol_, born: int) -> None:
    hub = connection.hub
    while not connection.ended:
        await asyncio.sleep(0.2)
        if hub.clock.now_ms() - born > hub.life_ms and connection.venue.startswith("binance"):
            await connection.close(1001)
        elif connection.pongs:
            await protocol.tick()


async def play(connection: Connection) -> bool:
    """Send the recorded texts of the venue, if there are any."""
    texts = connection.hub.script.get(connection.venue, ())
    for text in texts:
        await connection.send(text)
    return bool(texts)


class Rate:
    """Counts events of the last seconds."""

    def __init__(self, most: int, seconds: float):
        self._most, self._seconds, self._times = most, seconds, deque[float]()

    def exceeded(self, events: int = 1) -> bool:
        """Note events; whether more than allowed happened."""
        now = time.monotonic()
        self._times.extend([now] * events)
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        return len(self._times) > self._most


SOCKETS = web.AppKey("sockets", Sockets)


def hub_of(request: web.Request) -> Sockets:
    """The server's sockets."""
    return request.app[SOCKETS]
