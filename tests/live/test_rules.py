"""Rules of the reader, each tested with a WebSocket server that violates it; without ClickHouse, reading the spool."""

import asyncio
import contextlib
import io
import json
import os
import signal
import socket as sockets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from rich.console import Console

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import Kind, Message, Topic
from dlt_pipelines.live import connection, gaps, reader, supervisor
from dlt_pipelines.live.clock import VenueClock
from dlt_pipelines.live.quotes import QuoteBook
from dlt_pipelines.venues import WEBSOCKETS
from mdw.live.probe import Probe
from mdw.live.running import parse_duration, run_probe
from mdw.live.status import table
from replay.clock import Clock, parse_instant
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.ingest import settings_for
from tests.live import world
from tests.live.world import MINUTE_MS, until
from warehouse.errors import BadInput
from warehouse.settings import Settings

START_MS = parse_instant("2025-03-04T10:00:00Z")
SERIES = [
    Series("bars", "binance", "spot", "BTC/USDT", "1m"),
    Series("bars", "okx", "spot", "BTC/USDT", "1m"),
    Series("bars", "okx", "spot", "ETH/USDT", "1m"),
    *(Series("bars", "bybit", "spot", name, "1m") for name in ("BTC/USDT", "ETH/USDT", "SOL/USDT")),
]


class NoClickHouse:
    """A warehouse that does not exist: every row stays in the spool."""

    def __init__(self, home: Path):
        self.settings = Settings(home=home)


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer(SyntheticMarket(5), clock=Clock(START_MS, ticking=True, speed=60.0)) as running:
        yield running


@pytest.fixture
def running(server: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[world.Running]:
    nowhere = "http://nobody:none@127.0.0.1:9"
    monkeypatch.setattr(world, "settings_for", lambda server, home: settings_for(server, home, clickhouse_url=nowhere))
    monkeypatch.setattr(connection, "PING_SECONDS", 0.3)
    monkeypatch.setattr(connection, "PONG_SECONDS", 0.6)
    monkeypatch.setattr(reader, "_STOP_SECONDS", 1.0)
    server.sockets.faults.quotes_per_second = 0
    following = world.Running(NoClickHouse(tmp_path), server, SERIES, quotes=False)  # type: ignore[arg-type]
    with following:
        yield following
    server.sockets.mute_topics = set()
    server.sockets.refused_topics = set()
    server.sockets.refuse_status = None
    server.sockets.script = {}


def events(following: world.Running) -> list[dict[str, Any]]:
    """The events so far."""
    found = []
    for path in sorted(following.reader.spool.root.glob("*/*live_events*.jsonl")):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    return found


def told(following: world.Running, kind: str, venue: str) -> list[dict[str, Any]]:
    return [one for one in events(following) if (one["kind"], one["venue"]) == (kind, venue)]


def test_faults_of_a_connection_are_detected_recorded_and_repaired(
    running: world.Running, server: ReplayServer
) -> None:
    okx, bybit, binance = running.follower("okx"), running.follower("bybit"), running.follower("binance")
    until(lambda: all(f.counts["closed frames"] >= 2 for f in (okx, bybit, binance)), 15, "closed frames")
    # Half a frame and a reset; a half-open connection; a notice.
    server.sockets.order("reset", "binance-spot")
    server.sockets.order("no_pong", "okx")
    server.sockets.announce("bybit", '{"event":"notice","op":"x","ret_msg":"going away"}', close_after_seconds=None)
    until(
        lambda: any(e["cause"] in ("reset", "closed_1006") for e in told(running, "disconnected", "binance")),
        10,
        "reset",
    )
    until(lambda: "no_pong" in {e["cause"] for e in told(running, "disconnected", "okx")}, 10, "a missed pong")
    assert told(running, "unreadable", "bybit"), "an unknown frame is stored and counted, never fatal"
    until(lambda: "no_pong" in {e["cause"] for e in told(running, "gap", "okx")}, 15, "a gap")
    gap = next(e for e in told(running, "gap", "okx") if e["cause"] == "no_pong")
    until(lambda: gap["event_id"] in {e["event_id"] for e in told(running, "gap_filled", "okx")}, 15, "this gap filled")

    # The notice of OKX: a new connection while the old one is open, and no gap.
    connected = okx.counts["connected"]
    server.sockets.announce("okx", '{"event":"notice","code":"64008","msg":"closing in 60 s","connId":"1"}')
    until(lambda: "planned" in {e["cause"] for e in told(running, "disconnected", "okx")}, 15, "a planned change")
    assert okx.counts["connected"] == connected + 1
    assert "planned" not in {e["cause"] for e in told(running, "gap", "okx")}

    # One topic of a connection is acknowledged but silent, and REST has trades for it.
    server.sockets.mute_topics = {"kline.1.SOLUSDT"}
    until(lambda: told(running, "mute", "bybit") != [], 20, "a mute topic")
    assert {e["symbol"] for e in told(running, "mute", "bybit")} == {"SOL/USDT"}
    assert told(running, "mute", "okx") == []
    assert "mute" not in {e["cause"] for e in told(running, "gap", "bybit")}, "the other topics go on"
    server.sockets.mute_topics = set()

    # Refused, then accepted again.
    server.sockets.refuse_status = 403
    server.sockets.order("1006", "binance-spot")
    until(lambda: "http_403" in {e["cause"] for e in told(running, "disconnected", "binance")}, 10, "a refusal")
    server.sockets.refuse_status = None
    before = binance.counts["closed frames"]
    until(lambda: binance.counts["closed frames"] > before, 20, "frames after a refusal")
    assert {name: n for name, n in server.journal.violations.items() if "ws" in name} == {}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirected_handshake_is_not_followed(status: int) -> None:
    """A feed whose address redirects ends with that status; nothing is requested from where it points to."""
    paths: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        paths.append(request.path)
        if request.path != "/elsewhere":
            return web.Response(status=status, headers={"Location": "/elsewhere"})
        feed = web.WebSocketResponse()
        await feed.prepare(request)
        await feed.close()
        return feed

    async def run() -> connection.Socket:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        protocol = WEBSOCKETS["okx", "spot"]
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}/feed"
        socket = connection.Socket(protocol, {}, url, VenueClock(1.0), lambda *_: None, lambda *_: None, None)
        async with connection.open_session() as session:
            await socket.run(session)
        await runner.cleanup()
        return socket

    socket = asyncio.run(run())
    assert paths == ["/feed"]
    assert socket.cause == f"http_{status}"
    assert "/elsewhere" in socket.detail


def frame(**changes: object) -> str:
    """A closed bar of Binance spot, with changes."""
    kline = {"t": START_MS, "s": "BTCUSDT", "i": "1m", "x": True, **dict.fromkeys("ohlcvq", "1"), **changes}
    event = kline.pop("E", START_MS + MINUTE_MS)
    return json.dumps({"stream": "btcusdt@kline_1m", "data": {"e": "kline", "E": event, "s": "BTCUSDT", "k": kline}})


def test_bad_frames_notices_and_refusals_cost_nothing_but_themselves(
    running: world.Running, server: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_OVERLAP_SECONDS", 1.0)
    monkeypatch.setattr(supervisor, "REFUSED_SECONDS", 1.5)
    okx, binance = running.follower("okx"), running.follower("binance")
    until(lambda: all(f.counts["closed frames"] >= 1 for f in (okx, binance)), 15, "closed frames")

    # Closed frames that say nothing usable: microseconds, no minute, no number, no price at all.
    bad = (frame(E=START_MS * 1000), frame(t=START_MS + 1), frame(c="NaN"), frame(o=None), frame(t=-60_000))
    server.sockets.script = {"binance-spot": bad}
    server.sockets.order("1006", "binance-spot")
    until(lambda: binance.counts["unreadable"] >= len(bad), 10, "unreadable frames")
    server.sockets.script = {}
    # A connection that ends before it counts as accepted leaves the first gap open.
    until(
        lambda: "closed_1006" in {e["cause"] for e in told(running, "gap", "binance")}, 10, "the end of the first gap"
    )
    # A notice of no seconds: the stretch until the next connection is a gap.
    came = binance.counts["closed frames"]
    server.sockets.announce("binance-spot", '{"e":"serverShutdown","E":1}', close_after_seconds=0.0)
    until(lambda: {"closed_1001"} <= {e["cause"] for e in told(running, "gap", "binance")}, 10, "a gap")
    until(lambda: binance.counts["closed frames"] > came, 10, "frames after it")

    # The end that Binance gives every connection after 24 hours: another one takes over before it, without a gap.
    old = binance.supervisors[0].current
    assert old is not None
    until(lambda: "btcusdt@kline_1m" in old.heard, 10, "a frame of it")
    old.life_seconds = 600.0
    until(lambda: old.conn in {e["conn"] for e in told(running, "disconnected", "binance")}, 10, "its end")
    [ended] = [e for e in told(running, "disconnected", "binance") if e["conn"] == old.conn]
    assert ended["cause"] == "planned"
    assert old.conn not in {e["conn"] for e in told(running, "gap", "binance")}

    # The new connection is accepted and silent: the old one goes on, and a later one takes over.
    came, server.sockets.mute_new = okx.counts["closed frames"], True
    server.sockets.announce("okx", '{"event":"notice","code":"64008","msg":"closing in 60 s","connId":"1"}')
    until(lambda: "no_data" in {e["cause"] for e in told(running, "disconnected", "okx")}, 10, "a silent replacement")
    server.sockets.mute_new = False
    until(lambda: "planned" in {e["cause"] for e in told(running, "disconnected", "okx")}, 15, "a planned change")
    assert okx.counts["closed frames"] > came
    assert told(running, "gap", "okx") == [e for e in told(running, "gap", "okx") if e["cause"] == "start"]

    # Too many requests is no word about a topic; a refused one is asked for again.
    server.sockets.announce("okx", '{"event":"error","code":"60014","msg":"Requests too frequent","connId":"1"}')
    until(lambda: "busy" in {e["cause"] for e in told(running, "disconnected", "okx")}, 10, "a pause")
    assert told(running, "refused", "okx") == []
    server.sockets.refused_topics = {"candle1m:ETH-USDT"}
    server.sockets.order("1006", "okx")
    until(lambda: told(running, "refused", "okx") != [], 10, "a refusal")
    server.sockets.refused_topics = set()
    refused_ms = okx.clock.now_ms()
    until(lambda: came_by_socket(okx, "ETH/USDT", refused_ms), 20, "the refused topic again")
    assert running.error is None

    # A terminal of 80 columns and 24 lines.
    console = Console(width=80, height=24, file=io.StringIO())
    console.print(table(running.reader, 24))
    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(shown) <= 24
    assert max(map(len, shown)) <= 80
    assert not [line for line in shown if "…" in line]
    assert sum("SOL/USDT  bybit spot" in line for line in shown) == 1


def came_by_socket(follower: reader.Follower, symbol: str, since_ms: int) -> bool:
    one = next(one for one in follower.series if one.symbol == symbol)
    minutes = range(since_ms // MINUTE_MS * MINUTE_MS, follower.clock.now_ms(), MINUTE_MS)
    return any(follower.minutes.how(one, minute) == "socket" for minute in minutes)


def test_a_probe_that_is_stopped_reports_what_it_saw(server: ReplayServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, clickhouse_url="http://nobody:none@127.0.0.1:9")

    async def run() -> str:
        probe = Probe(settings, SERIES[:2], 600.0, speed=server.clock.speed)
        asyncio.get_running_loop().call_later(6.0, probe.stop)
        return await probe.run()

    report = asyncio.run(run())
    for feed in ("binance spot", "okx spot"):
        cells = next(line for line in report.splitlines() if line.startswith(f"| {feed} |")).split(" | ")
        assert int(cells[2]) > 0, "closed frames"
    for wrong in (tmp_path, Path("/proc/none/report.md")):
        with pytest.raises(BadInput, match="--report"):
            run_probe(settings, SERIES, 600.0, wrong)


def test_a_signal_is_obeyed_while_nothing_answers(
    server: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_STOP_SECONDS", 1.0)

    async def run() -> float:
        async with await asyncio.start_server(lambda *_: asyncio.sleep(30), "127.0.0.1", 0) as silent:
            address = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
            settings = settings_for(server, tmp_path, clickhouse_url=address).model_copy(
                update={"binance_spot_url": address}
            )
            reading = reader.Reader(settings, SERIES)
            asyncio.get_running_loop().call_later(0.5, reading.stop)
            began = time.monotonic()
            assert not await reading.run(), "the event of the start is left in the spool"
            return time.monotonic() - began

    assert asyncio.run(run()) < 6.0


def test_a_silent_clickhouse_does_not_delay_the_start(server: ReplayServer, tmp_path: Path) -> None:
    """The command itself: a server that accepts connections and never answers; the reader spools."""
    with sockets.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "MDW_HOME": str(tmp_path),
            "MDW_CLICKHOUSE_URL": f"http://u:p@127.0.0.1:{silent.getsockname()[1]}",
        }
        command = [sys.executable, "-m", "mdw", "live", "--venue", "okx", "--symbol", "BTC/USDT"]
        running = subprocess.Popen(command, env={**os.environ, **server.environment, **environment})
        try:
            until(lambda: list((tmp_path / "live" / "spool").rglob("*.jsonl")) != [], 20, "a batch in the spool")
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 1
        finally:
            running.kill()


def test_the_receive_time_is_that_of_the_frame_and_not_of_its_landing(running: world.Running) -> None:
    """An hour in the spool must not outrank REST: everything downstream orders by `fetched_at`."""
    okx, began = running.follower("okx"), time.time()
    until(lambda: okx.counts["closed frames"] >= 3, 20, "closed frames")
    spooled = [
        (json.loads(line), path.stat().st_mtime)
        for path in running.reader.spool.root.glob("*/*live_spot_candles*.jsonl")
        for line in path.read_text().splitlines()
    ]
    frames = [(row, at) for row, at in spooled if row["http_status"] == 101]
    assert frames
    for row, at in frames:
        received = datetime.fromisoformat(f"{row['fetched_at']}+00:00").timestamp()
        assert round(received * 1e6) == json.loads(row["request_params"])["recv_us"]
        assert began - 60 < received <= at


def subscribed(server: ReplayServer, topics: list[Topic], refused: set[str]) -> tuple[connection.Socket, Counter[str]]:
    """Connect to Bybit, subscribe, and wait briefly."""
    heard: Counter[str] = Counter()

    async def run() -> connection.Socket:
        server.sockets.refused_topics = refused
        protocol = WEBSOCKETS["bybit", "spot"]
        socket = connection.Socket(
            protocol,
            {topic.name: topic for topic in topics},
            server.environment["MDW_BYBIT_WS_URL"] + protocol.path(topics),
            VenueClock(server.clock.speed),
            lambda socket, topic, message, text: heard.update([topic.name]),
            lambda socket, kind, symbol, text: heard.update([f"{kind} {symbol}"]),
            None,
        )
        async with aiohttp.ClientSession() as session:
            task = asyncio.create_task(socket.run(session))
            await asyncio.sleep(3.5)
            socket.end("stopped")
            await task
        server.sockets.refused_topics = set()
        return socket

    return asyncio.run(run()), heard


def test_one_refused_topic_does_not_cost_the_others(server: ReplayServer) -> None:
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "SOL/BTC", "ETH/BTC")
    topics = [Topic(f"kline.1.{n.replace('/', '')}", Series("bars", "bybit", "spot", n, "1m")) for n in names]
    socket, heard = subscribed(server, topics, {"kline.1.SOLUSDT"})
    assert heard["refused SOL/USDT"] == 1
    assert sorted(socket.topics) == sorted(t.name for t in topics if t.name != "kline.1.SOLUSDT")
    assert heard["kline.1.BTCUSDT"] >= 1
    assert heard["kline.1.ETHBTC"] >= 1


def test_open_frames_never_become_rows() -> None:
    closed = '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":60003,"s":"BTCUSDT","k":{"t":0,"i":"1m","x":%s}}}'
    protocol = WEBSOCKETS["binance", "spot"]
    assert {protocol.read(closed % "false").kind for _ in range(10_000)} == {Kind.OPEN}
    assert protocol.read(closed % "true").opens == (0,)
    # Three forms of the flag; text "1" is true at OKX only.
    assert protocol.read(closed % '"1"').kind is Kind.OPEN
    row = '{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["0","1","1","1","1","0","0","0",%s]]}'
    okx = WEBSOCKETS["okx", "spot"]
    assert [okx.read(row % flag).kind for flag in ('"1"', '"0"', "1", "true")] == [Kind.CLOSED, *[Kind.OPEN] * 3]


def test_quotes_whose_ids_fall_or_repeat() -> None:
    topic = Topic("bbo-tbt:BTC-USDT", Series("bars", "okx", "spot", "BTC/USDT", "1m"), quotes=True)
    book = QuoteBook(WEBSOCKETS["okx", "spot"], alive={"a"})

    def take(update: int, event_ms: int | None, conn: str = "a") -> str:
        book.take(
            topic, Message(Kind.QUOTE, topic.name, event_ms=event_ms, update=update), f"{update}@{event_ms}", conn
        )
        sample = book.sample()
        return "" if sample is None else json.loads(sample.line)["payload"]

    assert take(10, 100) == "10@100"
    assert take(10, 100) == "10@100", "a repeated id refreshes the age"
    assert take(9, 90) == "", "older by id and by time"
    assert take(3, 200) == "3@200", "the venue starts its numbers again on a living connection"
    assert take(4, 201) == "4@201"
    assert book.counts == {"repeated": 1, "older": 1, "renumbered": 1}
    # What could not be stored is refused here, and not found by the sampler, which serves all series.
    with pytest.raises(ValueError, match="milliseconds"):
        take(5, 201_000_000_000_000)
    with pytest.raises(ValueError, match="line break"):
        book.take(topic, Message(Kind.QUOTE, topic.name, event_ms=202, update=6), '{"a":\n1}', "a")

    # Binance spot has no time: ids may restart only on a replacement connection.
    spot = Topic("btcusdt@bookTicker", Series("bars", "binance", "spot", "BTC/USDT", "1m"), quotes=True)
    book, topic = QuoteBook(WEBSOCKETS["binance", "spot"], alive={"a", "b"}), spot
    assert take(10, None, "a") == "10@None"
    assert take(5, None, "b") == "", "both are connected: the smaller one is late"
    book.alive.discard("a")
    assert take(6, None, "b") == "6@None"


def test_unrouted_addresses_of_usd_m_acknowledge_and_stay_silent(server: ReplayServer) -> None:
    """As at the venue since 2026-04-23: the reader must not use them."""

    async def frames(path: str) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(server.environment["MDW_BINANCE_USDM_WS_URL"] + path) as socket,
        ):
            heard = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    while True:
                        await socket.receive_str()
                        heard += 1
            return heard

    topic = Topic("btcusdt@kline_1m", Series("bars", "binance", "perp", "BTC/USDT", "1m"))
    assert asyncio.run(frames("/stream?streams=btcusdt@kline_1m")) == 0
    assert asyncio.run(frames(WEBSOCKETS["binance", "perp"].path([topic]))) > 3


def test_the_schedule_of_questions_goes_on_for_an_hour_and_ends() -> None:
    assert gaps.AGAIN_MS[:4] == (0, 10_000, 20_000, 40_000)
    assert sum(gaps.AGAIN_MS[-1:]) <= 3_600_000
    assert list(gaps.AGAIN_MS) == sorted(gaps.AGAIN_MS)


def test_the_reader_imports_nothing_heavy() -> None:
    program = (
        "import sys, mdw.cli, dlt_pipelines.live.reader, mdw.live.running; "
        "print([name for name in ('dlt', 'ccxt', 'pandas', 'pyarrow', 'dbt') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_durations_of_a_probe() -> None:
    assert [parse_duration(text) for text in ("90s", "30m", "2h")] == [90.0, 1800.0, 7200.0]
    for text in ("30", "0m", "m", "1d", "-5m"):
        with pytest.raises(BadInput, match="30m"):
            parse_duration(text)


def test_nothing_to_follow_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="binance spot"):
        reader.Reader(Settings(home=tmp_path), [Series("bars", "coinbase", "spot", "BTC/USDT", "1m")])
