"""The WebSocket side of the replay server: protocols, frames, ends and limits of the three venues."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from replay.clock import Clock, parse_instant
from replay.server import ReplayServer
from replay.sockets import hub
from replay.sockets import okx as okx_of_replay
from replay.sockets.faults import NEVER, NEXT_TRADE, PUSHED, USUAL_LATENESS, SocketFaults
from replay.synthetic import SyntheticMarket

START_MS = parse_instant("2025-03-04T10:00:00Z")
MINUTE_MS = 60_000
BINANCE, USDM, OKX, BYBIT = (f"MDW_{name}_WS_URL" for name in ("BINANCE_SPOT", "BINANCE_USDM", "OKX", "BYBIT"))


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer(SyntheticMarket(5), clock=Clock(START_MS, ticking=True, speed=60.0)) as running:
        running.sockets.faults = SocketFaults(quotes_per_second=0)
        yield running


@contextlib.asynccontextmanager
async def connected(server: ReplayServer, origin: str, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.environment[origin] + path) as socket:
        yield socket


async def replies(socket: aiohttp.ClientWebSocketResponse, *texts: str, seconds: float = 0.4) -> list[Any]:
    """Send, and everything that arrives within so long; `pong` as it is, other texts parsed."""
    for text in texts:
        await socket.send_str(text)
    found = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for message in socket:
                text = message.data
                found.append(text if text == "pong" else json.loads(text))
    return found


def heard(server: ReplayServer, origin: str, path: str, *texts: str, seconds: float = 0.4) -> list[Any]:
    async def run() -> list[Any]:
        async with connected(server, origin, path) as socket:
            return await replies(socket, *texts, seconds=seconds)

    return asyncio.run(run())


def subscribe(*names: str, **more: Any) -> str:
    return json.dumps({"method": "SUBSCRIBE", "params": list(names), "id": 7, **more})


def test_binance_answers_and_wraps_as_the_venue(server: ReplayServer) -> None:
    # Named in the URL, combined; numbers are numbers, prices are text.
    [first, *_] = heard(server, BINANCE, "/stream?streams=btcusdt@kline_1m")
    assert first["stream"] == "btcusdt@kline_1m"
    kline = first["data"]["k"]
    assert {name: type(kline[name]) for name in ("t", "T", "n", "x", "o", "v", "q", "f")} == {
        "t": int, "T": int, "n": int, "x": bool, "o": str, "v": str, "q": str, "f": int,
    }  # fmt: skip
    assert kline["T"] == kline["t"] + MINUTE_MS - 1
    # By request, raw; an unknown symbol is acknowledged and silent.
    ack, *frames = heard(server, BINANCE, "/ws", subscribe("ethusdt@kline_1m", "nothing@kline_1m"))
    assert ack == {"result": None, "id": 7}
    assert {one["s"] for one in frames} == {"ETHUSDT"}
    answers = heard(
        server, BINANCE, "/ws", "{", subscribe(method="ASK"), subscribe(*(f"a{n}@kline_1m" for n in range(1025))),
        subscribe(method="LIST_SUBSCRIPTIONS"),
    )  # fmt: skip
    assert [one.get("error", {}).get("code") for one in answers] == [2, 2, 4, None]
    assert answers[-1]["result"] == []
    # USD-M: klines under /market, quotes under /public, nothing at the root.
    for folder, streams, names in (
        ("/market", "btcusdt@kline_1m/btcusdt@bookTicker", {"btcusdt@kline_1m"}),
        ("/public", "btcusdt@kline_1m/btcusdt@bookTicker", {"btcusdt@bookTicker"}),
        ("", "btcusdt@kline_1m/btcusdt@bookTicker", set()),
    ):
        server.sockets.faults.quotes_per_second = 20
        assert {one["stream"] for one in heard(server, USDM, f"{folder}/stream?streams={streams}")} == names


def test_okx_answers_each_arg_and_refuses_candles_on_the_public_address(server: ReplayServer) -> None:
    args = [{"channel": "candle1m", "instId": name} for name in ("BTC-USDT", "NO-PE", "ETH-USDT")]
    ask = json.dumps({"op": "subscribe", "args": args})
    found = heard(server, OKX, "/ws/v5/business", ask, "ping", "{")
    events = [one for one in found if isinstance(one, dict) and "event" in one]
    assert [(one["event"], one.get("code")) for one in events] == [
        ("subscribe", None), ("error", "60018"), ("subscribe", None), ("error", "60012")
    ]  # fmt: skip
    assert "instId:NO-PE" in events[1]["msg"]
    assert found.count("pong") == 1
    rows = [one["data"][0] for one in found if isinstance(one, dict) and "data" in one]
    assert rows
    assert all(len(row) == 9 and {type(cell) for cell in row} == {str} for row in rows)
    assert {one.get("code") for one in heard(server, OKX, "/ws/v5/public", ask) if "event" in one} == {"60018"}


def test_bybit_fails_a_request_as_a_whole(server: ReplayServer) -> None:
    def ask(number: str, *topics: str) -> str:
        return json.dumps({"req_id": number, "op": "subscribe", "args": list(topics)})

    many = [f"kline.1.S{number}" for number in range(11)]
    found = heard(
        server, BYBIT, "/v5/public/spot", '{"op":"ping"}', ask("a", "kline.1.BTCUSDT", "kline.1.NOPE"), ask("b", *many),
        ask("c", "kline.1.ETHUSDT"), ask("d", "kline.1.ETHUSDT"), "{",
    )  # fmt: skip
    answers = [(one["req_id"], one["success"], one["ret_msg"]) for one in found if "success" in one]
    assert answers == [
        ("", True, "pong"),
        ("a", False, "Invalid symbol :[kline.1.NOPE]"),
        ("b", False, "args size >10"),
        ("c", True, "subscribe"),
        ("d", False, "error:already subscribed,topic:kline.1.ETHUSDT"),
        ("", False, "Params Error"),
    ]
    frames = [one for one in found if "topic" in one]
    assert {one["topic"] for one in frames} == {"kline.1.ETHUSDT"}
    bar = frames[0]["data"][0]
    assert {type(bar[name]) for name in ("open", "volume", "turnover")} == {str}
    assert (type(bar["confirm"]), type(bar["start"]), type(frames[0]["ts"])) == (bool, int, int)
    assert server.journal.violations["bybit ws args"] == 1


FEEDS = {
    "binance": (BINANCE, "/stream?streams=solbtc@kline_1m", ()),
    "okx": (OKX, "/ws/v5/business", ('{"op":"subscribe","args":[{"channel":"candle1m","instId":"SOL-BTC"}]}',)),
    "bybit": (BYBIT, "/v5/public/spot", ('{"req_id":"a","op":"subscribe","args":["kline.1.SOLBTC"]}',)),
}


def closed(server: ReplayServer, faults: SocketFaults, seconds: float, *venues: str) -> dict[str, list[Any]]:
    """Open time and lateness in market seconds (None at OKX, whose frames have no time) of closed frames of SOL/BTC."""

    async def run() -> list[list[Any]]:
        async def one(venue: str) -> list[Any]:
            origin, path, texts = FEEDS[venue]
            async with connected(server, origin, path) as socket:
                return await replies(socket, *texts, seconds=seconds)

        return await asyncio.gather(*map(one, venues))

    server.sockets.faults = faults
    server.clock.speed = 120.0
    server.clock.set(START_MS, ticking=True)
    found: dict[str, list[Any]] = {}
    for venue, frames in zip(venues, asyncio.run(run()), strict=True):
        found[venue] = [bar for frame in frames for bar in _closed_bars(venue, frame)]
    return found


def _closed_bars(venue: str, frame: dict[str, Any]) -> Iterator[tuple[int, float | None]]:
    if venue == "binance" and frame["data"]["k"]["x"]:
        opened = frame["data"]["k"]["t"]
        yield opened, (frame["data"]["E"] - opened - MINUTE_MS) / 1000
    elif venue == "okx":
        yield from ((int(row[0]), None) for row in frame.get("data", []) if row[8] == "1")
    elif venue == "bybit":
        bars = (bar for bar in frame.get("data", []) if bar["confirm"])
        yield from ((bar["start"], (bar["timestamp"] - bar["start"] - MINUTE_MS) / 1000) for bar in bars)


def test_lateness_quiet_minutes_and_faults_of_closed_frames(server: ReplayServer) -> None:
    plain: dict[str, Any] = {
        "seed": 1,
        "quotes_per_second": 0.0,
        "open_pace_ms": dict.fromkeys(USUAL_LATENESS, 60_000),
        "quiet": {"binance-spot": PUSHED, "okx": NEVER, "bybit": NEXT_TRADE},
    }
    still: dict[str, set[int]] = {}
    for venue in FEEDS:
        bars = SyntheticMarket(5).bars(venue, "spot", "SOL/BTC", "1m", START_MS, START_MS + 10 * MINUTE_MS)
        still[venue] = {bar.open_time for bar in bars if not float(bar.volume or 0)}
    assert all(still.values()), "the seed has quiet minutes at each"
    found = closed(server, SocketFaults(**plain), 6.5, *FEEDS)
    assert {opened for opened, _ in found["binance"]} >= still["binance"]
    assert all(late < 20.0 for _, late in found["binance"])
    assert found["okx"]
    assert not {opened for opened, _ in found["okx"]} & still["okx"]
    with_trade = {opened: late for opened, late in found["bybit"] if opened in still["bybit"]}
    assert with_trade
    assert min(with_trade.values()) > 1.7

    late = closed(server, SocketFaults(**plain, late=1.0, late_seconds=(24.0,)), 2.0, "binance", "bybit")
    assert late["binance"]
    assert all(one >= 24.0 for _, one in late["binance"])
    assert closed(server, SocketFaults(**plain, drop=1.0), 1.5, *FEEDS) == {"binance": [], "okx": [], "bybit": []}
    twice = [opened for opened, _ in closed(server, SocketFaults(**plain, duplicate=1.0), 1.8, "binance")["binance"]]
    assert len(twice) > len(set(twice))
    with pytest.raises(ValueError, match="share"):
        SocketFaults(drop=1.5)


def test_connections_end_as_they_do_at_the_venues(server: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def end(origin: str, path: str, act: str = "") -> int | None:
        async with connected(server, origin, path) as socket:
            while act and not server.sockets.order(act):
                await asyncio.sleep(0.01)
            async with asyncio.timeout(20.0):
                while not (await socket.receive()).type.name.startswith(("CLOS", "ERR")):
                    pass
            return socket.close_code

    streams = "/stream?streams=btcusdt@kline_1m"
    assert asyncio.run(end(BINANCE, streams, "reset")) in (None, 1006)
    assert asyncio.run(end(BINANCE, streams, "1006")) in (None, 1006)
    assert asyncio.run(end(BINANCE, streams, "1001")) == 1001
    # A day of the market.
    server.sockets.life_ms = 30_000
    assert asyncio.run(end(BINANCE, streams)) == 1001
    # Silence on both sides.
    monkeypatch.setattr(okx_of_replay, "_IDLE_SECONDS", 0.3)
    assert asyncio.run(end(OKX, "/ws/v5/business")) == 4004
    assert server.sockets.counts["okx idle ends"] == 1
    # Accepted, and nothing else.
    server.sockets.half_open = True
    assert heard(server, OKX, "/ws/v5/business", "ping") == []


def test_limits_of_the_venues_are_kept_and_recorded(server: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def messages() -> int | None:
        async with connected(server, BINANCE, "/ws") as socket:
            for _ in range(6):
                await socket.send_str(subscribe("btcusdt@kline_1m"))
            async with asyncio.timeout(20.0):
                async for _ in socket:
                    pass
            return socket.close_code

    assert asyncio.run(messages()) == 1008
    # Three new connections at OKX: in a second there, in a minute here, as handshakes may take long.
    monkeypatch.setitem(hub._CONNECTS, "okx", (3, 60.0))
    answers = [connects(server) for _ in range(5)]
    assert sorted(answers) == [101, 101, 101, 429, 429]
    assert server.journal.violations == {"binance-spot ws messages": 1, "okx ws connections": 2}
    server.sockets.refuse_status = 403
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        heard(server, BYBIT, "/v5/public/spot")


def connects(server: ReplayServer) -> int:
    """The status of a handshake at OKX."""
    try:
        heard(server, OKX, "/ws/v5/business", seconds=0.01)
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    return 101


def test_quotes_come_at_the_rate_that_is_asked_for(server: ReplayServer) -> None:
    server.sockets.faults.quotes_per_second = 200.0
    found = heard(server, BINANCE, "/stream?streams=btcusdt@bookTicker", seconds=2.0)
    assert 200 <= len(found) <= 700
    updates = [one["data"]["u"] for one in found]
    assert updates == sorted(set(updates))


def test_recorded_frames_are_played_byte_for_byte(server: ReplayServer) -> None:
    texts = ('{"e":"kline",  "note":"spaces and ü stay"}', '{"x":1.10}')
    server.sockets.script = {"binance-spot": texts}

    async def run() -> list[str]:
        async with connected(server, BINANCE, "/stream?streams=btcusdt@kline_1m") as socket:
            return [await socket.receive_str() for _ in texts]

    assert tuple(asyncio.run(run())) == texts
