"""The client for asyncio: every method of Client, run in a thread, so that the event loop is not blocked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, overload

from alphaforge_data import client as blocking
from alphaforge_data.client import Client
from alphaforge_data.frame import Frame
from alphaforge_data.live import Live
from alphaforge_data.times import Time

P = ParamSpec("P")
T = TypeVar("T")


# Without its overloads, which describe allowed combinations of arguments.
_connect: Callable[..., Client] = blocking.connect


@overload
async def connect(
    url: str | None = None,
    *,
    snapshot_id: str | None = None,
    as_of: None = None,
    cache: bool | str | Path = True,
    offline: Literal[False] = False,
) -> "AsyncClient": ...


@overload
async def connect(
    url: str | None = None,
    *,
    snapshot_id: None = None,
    as_of: Time,
    cache: bool | str | Path = True,
    offline: Literal[False] = False,
) -> "AsyncClient": ...


@overload
async def connect(
    url: str | None = None,
    *,
    snapshot_id: str,
    as_of: None = None,
    cache: Literal[True] | str | Path = True,
    offline: bool = False,
) -> "AsyncClient": ...


async def connect(
    url: str | None = None,
    *,
    snapshot_id: str | None = None,
    as_of: Time | None = None,
    cache: bool | str | Path = True,
    offline: bool = False,
) -> "AsyncClient":
    """Like alphaforge_data.connect."""
    return AsyncClient(
        await asyncio.to_thread(_connect, url, snapshot_id=snapshot_id, as_of=as_of, cache=cache, offline=offline)
    )


def _in_thread(
    method: Callable[Concatenate[Client, P], T],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    async def call(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(method, self.blocking, *args, **kwargs)

    call.__doc__ = method.__doc__
    return call


def _pieces(
    method: Callable[Concatenate[Client, P], Iterator[Frame]],
) -> Callable[Concatenate["AsyncClient", P], AsyncIterator[Frame]]:
    async def call(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Frame]:
        frames = await asyncio.to_thread(method, self.blocking, *args, **kwargs)
        while (frame := await asyncio.to_thread(next, frames, None)) is not None:
            yield frame

    call.__doc__ = method.__doc__
    return call


class AsyncClient:
    """Client's methods as coroutines; many may be awaited at once. `blocking` is the client they run on.

    `iter_bars` is an asynchronous iterator: invalid arguments raise when it is first awaited.
    """

    def __init__(self, client: Client):
        self.blocking = client

    @property
    def live(self) -> Live:
        """Like Client.live, whose `follow` is asynchronous as well."""
        return self.blocking.live

    bars = _in_thread(Client.bars)
    panel = _in_thread(Client.panel)
    iter_bars = _pieces(Client.iter_bars)
    gaps = _in_thread(Client.gaps)
    extent = _in_thread(Client.extent)
    funding = _in_thread(Client.funding)
    instruments = _in_thread(Client.instruments)
    fear_greed = _in_thread(Client.fear_greed)
    condition = _in_thread(Client.condition)
    series = _in_thread(Client.series)
    snapshots = _in_thread(Client.snapshots)
    snapshot = _in_thread(Client.snapshot)
    diff = _in_thread(Client.diff)
    sql = _in_thread(Client.sql)
    with_funding = _in_thread(Client.with_funding)
    with_instruments = _in_thread(Client.with_instruments)
    cache_info = _in_thread(Client.cache_info)
    cache_verify = _in_thread(Client.cache_verify)
    cache_clear = _in_thread(Client.cache_clear)
    close = _in_thread(Client.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
