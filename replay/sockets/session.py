"""The loop of one connection, the same for every venue: read, reply, send frames, end."""

import asyncio
import contextlib
import time
from collections import deque
from typing import Protocol

from aiohttp import WSMsgType, web

from replay.sockets.feed import Feed
from replay.sockets.hub import Connection, Sockets


class VenueProtocol(Protocol):
    """The protocol of one venue."""

    feed: Feed

    async def on_open(self) -> None:
        """Called after the handshake."""

    async def on_message(self, text: str) -> None:
        """Called with a text frame of the client."""

    async def tick(self) -> None:
        """Called every 200 ms: pings, idle timeouts."""


async def serve(connection: Connection, protocol: VenueProtocol) -> web.WebSocketResponse:
    """Serve until either side ends."""
    hub, socket = connection.hub, connection.socket
    opened_at = hub.clock.now_ms()
    tasks = [asyncio.create_task(protocol.feed.run()), asyncio.create_task(_ticks(connection, protocol, opened_at))]
    try:
        await protocol.on_open()
        async for message in socket:
            if connection.ended:
                break
            connection.received_at = time.monotonic()
            if message.type is WSMsgType.PING and connection.pongs:
                await socket.pong(message.data)
                await protocol.on_message("")
            elif message.type is WSMsgType.TEXT and connection.pongs:
                await protocol.on_message(message.data)
    finally:
        hub.remove(connection)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*tasks, return_exceptions=True)
    return socket


async def _ticks(connection: Connection, protocol: VenueProtocol, opened_at: int) -> None:
    hub = connection.hub
    while not connection.ended:
        await asyncio.sleep(0.2)
        if hub.clock.now_ms() - opened_at > hub.life_ms and connection.venue.startswith("binance"):
            await connection.close(1001)
        elif connection.pongs:
            await protocol.tick()


async def play(connection: Connection) -> bool:
    """Send the recorded texts of the venue, if any; returns whether there were."""
    texts = connection.hub.script.get(connection.venue, ())
    for text in texts:
        await connection.send(text)
    return bool(texts)


class Rate:
    """Counts events of the last seconds."""

    def __init__(self, maximum: int, seconds: float):
        self._most, self._seconds, self._times = maximum, seconds, deque[float]()

    def exceeded(self, events: int = 1) -> bool:
        """Count events; returns whether there were more than allowed."""
        now = time.monotonic()
        self._times.extend([now] * events)
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        return len(self._times) > self._most


SOCKETS = web.AppKey("sockets", Sockets)


def hub_of(request: web.Request) -> Sockets:
    """The server's sockets."""
    return request.app[SOCKETS]
