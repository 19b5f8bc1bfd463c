"""Rules of one connection and of its supervisor, each with a server that does exactly what the rule is about."""

import asyncio
import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import Kind, Message, Topic, WebSocketProtocol
from dlt_pipelines.live import connection, supervisor
from dlt_pipelines.live.clock import VenueClock
from dlt_pipelines.live.connection import Socket, open_session
from dlt_pipelines.live.gaps import GapTask, Hole
from dlt_pipelines.live.minutes import Minutes
from dlt_pipelines.live.rest import RestPage
from dlt_pipelines.live.supervisor import Gate, Supervisor
from dlt_pipelines.venues import WEBSOCKETS
from tests.live.world import MINUTE_MS

BINANCE, OKX, BYBIT = (WEBSOCKETS[venue, "spot"] for venue in ("binance", "okx", "bybit"))
Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass
class Heard:
    """What a socket told its reader."""

    frames: list[Message] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    clock: VenueClock = field(default_factory=VenueClock)

    def frame(self, socket: Socket, topic: Topic, message: Message, text: str) -> None:
        self.frames.append(message)

    def event(self, socket: Socket, kind: str, symbol: str, text: str) -> None:
        self.events.append((kind, text))


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """The address of a server that treats each connection like this."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError, RuntimeError):
            await serve(socket)
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def topics(protocol: WebSocketProtocol, count: int) -> list[Topic]:
    series = [Series("bars", protocol.place.venue, "spot", f"S{number:03d}/USDT", "1m") for number in range(count)]
    return [Topic(protocol.topic(one, quotes=False), one) for one in series]


def run(serve: Serve, protocol: WebSocketProtocol, count: int, heard: Heard, seconds: float = 20.0) -> Socket:
    """Follow so many topics until the connection ends, or for so long."""

    async def follow() -> Socket:
        async with serving(serve) as address, open_session() as session:
            wanted = {topic.name: topic for topic in topics(protocol, count)}
            url = address + protocol.path(list(wanted.values()))
            socket = Socket(protocol, wanted, url, heard.clock, heard.frame, heard.event, None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await socket.run(session)
            return socket

    return asyncio.run(follow())


async def acknowledge(socket: web.WebSocketResponse) -> None:
    """Bybit's answer to every request, and nothing else."""
    async for message in socket:
        asked = json.loads(message.data)
        await socket.send_json({"success": True, "ret_msg": "", "req_id": asked.get("req_id", ""), "op": asked["op"]})


def test_a_silent_connection_of_many_topics_is_cut_and_one_of_few_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENCE_SECONDS", 1.0)
    assert run(acknowledge, BYBIT, connection.BUSY_TOPICS + 1, Heard()).cause == "silence"
    assert run(acknowledge, BYBIT, connection.BUSY_TOPICS, Heard(), 2.5).cause == ""


def test_an_acknowledgement_is_awaited_with_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ACK_SECONDS", 0.5)

    async def ignore(socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            pass

    assert run(ignore, BYBIT, 3, Heard()).cause == "ack_timeout"
    assert run(ignore, OKX, 3, Heard()).cause == "ack_timeout"


def kline(symbol: str, event_ms: int, *, closed: bool = False) -> str:
    name = symbol.replace("/", "")
    open_ms = event_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS * closed
    bar = {"t": open_ms, "s": name, "i": "1m", "x": closed, **dict.fromkeys("ohlcvq", "1.5")}
    data = {"e": "kline", "E": event_ms, "s": name, "k": bar}
    return json.dumps({"stream": f"{name.lower()}@kline_1m", "data": data})


@pytest.mark.parametrize(("on_time", "cause"), [(100, "lag"), (10, "")])
def test_frames_that_are_all_old_end_the_connection_and_some_late_ones_do_not(on_time: int, cause: str) -> None:
    """Every tenth is on time, or none."""
    heard = Heard()
    heard.clock.set(1_750_000_000_000)

    async def send(socket: web.WebSocketResponse) -> None:
        for number in range(100):
            age = 0 if number % on_time == 1 and cause == "" else 11_000
            await socket.send_str(kline("S000/USDT", heard.clock.now_ms() - age))
        await asyncio.sleep(30)

    assert run(send, BINANCE, 1, heard, 1.5).cause == cause


def test_a_slow_reader_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server writes faster than the reader reads: its buffers fill, frames get old, and the connection ends."""
    monkeypatch.setattr(connection, "LAG_SECONDS", 0.5)
    heard = Heard()
    heard.clock.set(1_750_000_000_000)
    sent: list[int] = []

    async def flood(socket: web.WebSocketResponse) -> None:
        while True:
            # As on a network: a frame is as old as its way through the buffers took.
            sent.append(heard.clock.now_ms())
            await socket.send_str(kline("S000/USDT", sent[-1]) + " " * 2_000)

    def slow(socket: Socket, event_ms: int) -> None:
        time.sleep(0.001)
        measured(socket, event_ms)

    measured = Socket._measure_lag
    monkeypatch.setattr(Socket, "_measure_lag", slow)
    socket = run(flood, BINANCE, 1, heard)
    assert socket.cause == "lag"
    assert "ms old" in socket.detail
    # Noticed when it was true, not half an hour later.
    assert (socket.lag_ms or 0) < 5_000


def test_an_error_of_ours_ends_the_connection_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Heard):
        def frame(self, socket: Socket, topic: Topic, message: Message, text: str) -> None:
            raise RuntimeError("a defect")

    async def send(socket: web.WebSocketResponse) -> None:
        await socket.send_str(kline("S000/USDT", 1_750_000_000_000, closed=True))
        await asyncio.sleep(30)

    found = run(send, BINANCE, 1, Broken())
    assert (found.cause, found.detail) == ("defect", "RuntimeError('a defect')")

    # The same in the watchdog, which sends the pings.
    def broken(socket: Socket, now: float) -> str:
        raise RuntimeError("another")

    monkeypatch.setattr(Socket, "_end_cause", broken)
    assert run(acknowledge, BYBIT, 1, Heard()).cause == "defect"


@pytest.mark.parametrize("code", [4005, 1009, 1013])
def test_the_venues_own_close_code_is_the_cause(code: int) -> None:
    async def close(socket: web.WebSocketResponse) -> None:
        await socket.close(code=code)

    assert run(close, OKX, 1, Heard()).cause == f"closed_{code}"


def test_a_stop_closes_with_1000() -> None:
    codes: list[int | None] = []

    async def wait(socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            pass
        codes.append(socket.close_code)

    async def follow() -> None:
        async with serving(wait) as address, open_session() as session:
            [topic] = topics(BINANCE, 1)
            heard = Heard()
            socket = Socket(BINANCE, {topic.name: topic}, address, heard.clock, heard.frame, heard.event, None)
            task = asyncio.create_task(socket.run(session))
            while not socket.ready:
                await asyncio.sleep(0.01)
            socket.end("stopped")
            await task
            await asyncio.sleep(0.1)

    asyncio.run(follow())
    assert codes == [1000]


@pytest.mark.parametrize("number", [100_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_open_frames_never_become_rows_and_no_closed_one_is_lost_in_a_burst(number: int) -> None:
    heard = Heard()
    at = 1_750_000_020_000
    block = [*[kline("S000/USDT", at)] * 999, kline("S000/USDT", at, closed=True)]

    async def send(socket: web.WebSocketResponse) -> None:
        for _ in range(number // 1_000):
            for text in block:
                await socket.send_str(text)
        await socket.close()

    found = run(send, BINANCE, 1, heard, 300.0)
    assert found.cause == "closed_1000"
    assert found.counts["frames"] == number
    assert Counter(message.kind for message in heard.frames) == {Kind.CLOSED: number // 1_000}


@pytest.mark.parametrize(
    ("protocol", "text", "kind"),
    [
        (OKX, '{"event":"channel-conn-count","channel":"candle1m","connCount":"2","connId":"a"}', Kind.CONTROL),
        (OKX, '{"event":"channel-conn-count-error","channel":"candle1m","connCount":"31","connId":"a"}', Kind.CONTROL),
        (OKX, '{"event":"notice","code":"64008","msg":"…","connId":"a"}', Kind.NOTICE),
        (OKX, '{"event":"error","code":"60014","msg":"Requests too frequent","connId":"a"}', Kind.BUSY),
        (OKX, '{"event":"error","code":"64007","msg":"Internal error","connId":"a"}', Kind.BUSY),
        (OKX, '{"event":"error","code":"60018","msg":"Wrong URL","connId":"a"}', Kind.REFUSED),
        (OKX, "pong", Kind.PONG),
        (OKX, '{"event":"new"}', Kind.UNKNOWN),
        (BINANCE, '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}', Kind.NOTICE),
        (BINANCE, '{"e":"serverShutdown","E":1}', Kind.NOTICE),
        (BINANCE, '{"error":{"code":4,"msg":"Too many subscriptions"},"id":19}', Kind.REFUSED),
        (BINANCE, '{"code":2,"msg":"Invalid request","id":1}', Kind.REFUSED),
        (BINANCE, '{"result":null,"id":1}', Kind.ACK),
        (BINANCE, '{"e":"new"}', Kind.UNKNOWN),
        (BYBIT, '{"success":false,"ret_msg":"error:already subscribed,topic:kline.1.A","op":"subscribe"}', Kind.ACK),
        (BYBIT, '{"success":false,"ret_msg":"args size >10","req_id":"a","op":"subscribe"}', Kind.REFUSED),
        (BYBIT, '{"success":true,"ret_msg":"pong","conn_id":"a","req_id":"","op":"ping"}', Kind.PONG),
        (BYBIT, '{"op":"pong","args":["1"]}', Kind.PONG),
        (BYBIT, '{"type":"new"}', Kind.UNKNOWN),
    ],
)
def test_control_frames(protocol: WebSocketProtocol, text: str, kind: Kind) -> None:
    assert protocol.read(text).kind is kind


def test_requests_and_addresses_stay_within_the_venues_limits() -> None:
    for protocol, most in ((OKX, 100), (BYBIT, 10)):
        requests = protocol.requests(topics(protocol, 200))
        assert sorted(name for _, names in requests for name in names) == [one.name for one in topics(protocol, 200)]
        assert max(len(names) for _, names in requests) == most
        assert max(len(text) for text, _ in requests) < 21_000
    assert BINANCE.requests(topics(BINANCE, 200)) == []
    assert BINANCE.path(topics(BINANCE, 200)).count("@kline_1m") == 200
    assert {protocol.most_topics for protocol in WEBSOCKETS.values()} == {200}


def supervised(protocol: WebSocketProtocol, address: str, count: int, heard: Heard) -> Supervisor:
    return Supervisor(
        protocol, topics(protocol, count), address, heard.clock, Gate(0.0), heard.frame, heard.event,
        lambda *_: None, None, longest_wait=0.2,
    )  # fmt: skip


def test_every_connection_subscribes_in_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one request's worth of topics, at the start and after each cut."""
    asked: list[list[str]] = []

    async def cut(socket: web.WebSocketResponse) -> None:
        mine: list[str] = []
        async for message in socket:
            request = json.loads(message.data)
            assert len(request["args"]) <= 10
            mine += request["args"]
            await socket.send_json({"success": True, "ret_msg": "", "req_id": request["req_id"], "op": "subscribe"})
            if len(mine) == 25:
                asked.append(mine)
                await socket.close(code=1012)

    async def follow() -> None:
        async with serving(cut) as address, open_session() as session:
            one = supervised(BYBIT, address, 25, Heard())
            task = asyncio.create_task(one.run(session))
            while len(asked) < 3:
                await asyncio.sleep(0.05)
            one.stop()
            await asyncio.wait_for(task, 10)

    async def limited() -> None:
        async with asyncio.timeout(30):
            await follow()

    monkeypatch.setattr(supervisor, "FIRST_WAIT", 0.05)
    asyncio.run(limited())
    assert [sorted(one) for one in asked[:3]] == [sorted(topic.name for topic in topics(BYBIT, 25))] * 3


def test_a_supervisor_never_gives_up_and_never_hurries(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(supervisor, "FIRST_WAIT", 0.01)

    async def pause(one: Supervisor, seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(Supervisor, "_pause", pause)

    async def follow() -> Supervisor:
        async with open_session() as session:
            one = supervised(OKX, "ws://127.0.0.1:9", 1, heard)
            task = asyncio.create_task(one.run(session))
            while len(waits) < 200:
                await asyncio.sleep(0.01)
            one.stop()
            await asyncio.wait_for(task, 10)
            return one

    heard = Heard()
    one = asyncio.run(follow())
    assert one.attempts >= 200
    assert set(one.causes) <= {"no_connection", "stopped"}
    # Doubled with jitter, up to the longest wait, and not beyond.
    assert waits[0] <= 0.02
    assert all(0.1 <= wait <= 0.2 for wait in waits[10:])
    # As the module has it: from a second to a minute.
    assert (supervisor.LONGEST_WAIT, reader_gate_seconds()) == (60.0, 1.1)


def reader_gate_seconds() -> float:
    from dlt_pipelines.live import reader

    return reader._CONNECT_SECONDS


def test_new_connections_of_a_venue_take_turns() -> None:
    async def turns() -> list[float]:
        gate, began = Gate(0.1), time.monotonic()

        async def one() -> float:
            await gate.turn()
            return time.monotonic() - began

        return sorted(await asyncio.gather(*(one() for _ in range(5))))

    times = asyncio.run(turns())
    assert all(later - earlier > 0.09 for earlier, later in itertools.pairwise(times))


def test_an_older_gap_of_a_killed_reader_is_requested_and_filled() -> None:
    """Its event reached ClickHouse after this reader had started, which looks back only to its own first minute."""
    series = Series("bars", "binance", "spot", "BTC/USDT", "1m")
    clock = VenueClock()
    clock.set(100 * MINUTE_MS)
    asked: list[tuple[int, int]] = []
    filled: list[Hole] = []

    class Answers:
        """REST that has every bar."""

        async def bars(self, series: Series, start_ms: int, end_ms: int, now_ms: int) -> RestPage:
            asked.append((start_ms, end_ms))
            body = [[opened, "1", "1", "1", "1", "1", 0, "1"] for opened in range(start_ms, end_ms, MINUTE_MS)]
            return RestPage("/api/v3/klines", {}, json.dumps(body), BINANCE.rest_rows(body), 1)

    minutes = Minutes([series])
    task = GapTask(
        BINANCE, minutes, Answers(), clock, lambda row: None, print, lambda hole, _: filled.append(hole),  # type: ignore[arg-type]
        first_ms=99 * MINUTE_MS,
    )  # fmt: skip
    hole = Hole("a", "", (series,), 90 * MINUTE_MS + 5, 92 * MINUTE_MS + 5, "start")

    async def follow() -> None:
        running = asyncio.create_task(task.run())
        await asyncio.sleep(0.1)
        task.adopt([hole])
        task.adopt([hole])
        async with asyncio.timeout(20):
            while not filled:
                await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(follow())
    assert filled == [hole]
    assert asked[0][0] == 90 * MINUTE_MS
    assert all(minutes.has(series, minute * MINUTE_MS) for minute in (90, 91, 92))


def test_only_confirmed_rows_of_okx_are_final_however_late() -> None:
    """OKX's REST gives the bar before the open one with confirm "0" for a moment: it is asked for again."""
    series = Series("bars", "okx", "spot", "BTC/USDT", "1m")

    def rows(*flags: tuple[int, str]) -> RestPage:
        body = {"data": [[str(opened), "1", "1", "1", "1", "1", "1", "1", flag] for opened, flag in flags]}
        return RestPage("/api/v5/market/history-candles", {}, json.dumps(body), OKX.rest_rows(body), 1)

    task = GapTask(
        OKX, Minutes([series]), None, VenueClock(), print, print, lambda *_: None, first_ms=0  # type: ignore[arg-type]
    )  # fmt: skip
    an_hour_later = 3_600_000
    assert task._final(rows((60_000, "0"), (0, "1")), an_hour_later) == {0: True}
    assert task._final(rows((60_000, "1"), (0, "1")), an_hour_later) == {0: True, 60_000: True}


def test_rows_without_a_flag_are_final_by_their_successor_or_by_time() -> None:
    series = Series("bars", "binance", "spot", "BTC/USDT", "1m")
    task = GapTask(
        BINANCE, Minutes([series]), None, VenueClock(), print, print, lambda *_: None, first_ms=0  # type: ignore[arg-type]
    )  # fmt: skip

    def final(now_ms: int, *opens: int) -> list[int]:
        body = [[opened, "1", "1", "1", "1", "0" if opened else "1", 0, "1"] for opened in opens]
        return sorted(task._final(RestPage("", {}, "", BINANCE.rest_rows(body), 1), now_ms))

    assert final(60_500, 0, 60_000) == [0]
    assert final(60_500, 0) == [], "half a second after its end, and nothing follows"
    assert final(70_000, 0) == [0]
    assert final(59_000, 0, 60_000) == [], "by the venue's clock the minute is open"
