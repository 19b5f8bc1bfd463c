"""The live reader compared with ccxt.pro `watch_ohlcv` and cryptofeed, on the same Binance spot frames and faults.

`python -m benchmarks.live_peers [MINUTES]`: the market runs at ten times real time. cryptofeed is measured if
PEER_PYTHON names the Python of an environment that has it (it is not a dependency). Measured are the minutes that the
consumer had in the end, those with values other than REST's, and those that it received twice.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from replay.clock import Clock, parse_instant
from replay.server import ReplayServer
from replay.sockets.faults import SocketFaults
from replay.synthetic import SyntheticMarket

START_MS = parse_instant("2025-03-04T10:00:00Z")
SPEED = 10.0
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
Seen = dict[tuple[str, int], list[tuple[float, ...]]]


def main(minutes: int = 12) -> None:
    """Print a table."""
    market = SyntheticMarket(7)
    truth = {
        (symbol, bar.open_time): tuple(float(v or 0) for v in (bar.open, bar.high, bar.low, bar.close, bar.volume))
        for symbol in SYMBOLS
        for bar in market.bars("binance", "spot", symbol, "1m", START_MS, START_MS + minutes * 60_000)
    }
    print(f"{len(truth)} bars; faults: 15 % of closed frames dropped, 10 % twice, 10 % late by 24 s; two cuts\n")
    print("| | bars in the end | with values of an open bar or others | given twice | errors | CPU s | RSS MB |")
    print("|---|---|---|---|---|---|---|")
    for name in _PEERS:
        found = _isolated(name, market, minutes)
        if found is None:
            print(f"| {name} | not installed |  |  |  |  |  |")
            continue
        seen, errors, cpu, rss = found
        there = [key for key in truth if key in seen]
        wrong = [key for key in there if seen[key][-1] != truth[key]]
        twice = sum(len(values) > 1 for key, values in seen.items() if key in truth)
        print(f"| {name} | {len(there)} of {len(truth)} | {len(wrong)} | {twice} | {errors} | {cpu:.1f} | {rss} |")


def _isolated(name: str, market: SyntheticMarket, minutes: int) -> tuple[Seen, int, float, int] | None:
    faults = SocketFaults(seed=3, drop=0.15, duplicate=0.1, late=0.1, late_seconds=(24.0,), quotes_per_second=0)
    with ReplayServer(market, clock=Clock(START_MS)) as server:
        server.sockets.faults = faults
        server.clock.speed = SPEED
        server.clock.set(START_MS, ticking=True)
        python = os.environ.get("PEER_PYTHON", sys.executable) if name == "cryptofeed" else sys.executable
        command = [python, "-m", "benchmarks.live_peers", "--run", name, server.url, str(minutes)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        began = time.monotonic()
        for share in (0.3, 0.6):
            time.sleep(max(0.0, began + minutes * 60 / SPEED * share - time.monotonic()))
            server.sockets.order("1006", "binance-spot")
        output, errors_text = child.communicate()
    if child.returncode:
        sys.stderr.write(errors_text[-1500:])
        return None
    rows, errors, cpu, rss = json.loads(output.splitlines()[-1])
    return {(symbol, opened): [tuple(v) for v in values] for symbol, opened, values in rows}, errors, cpu, rss


def _run(name: str, url: str, minutes: int) -> None:
    """Run one candidate in a separate process, so that memory and CPU of the others do not count."""
    seen, errors = asyncio.run(_PEERS[name](url, minutes))
    used = resource.getrusage(resource.RUSAGE_SELF)
    rows = [[symbol, opened, values] for (symbol, opened), values in seen.items()]
    print(json.dumps([rows, errors, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))


def _seconds(minutes: int) -> float:
    """The duration, plus two market minutes for late frames."""
    return (minutes + 2) * 60 / SPEED


async def _ours(url: str, minutes: int) -> tuple[Seen, int]:
    """Our reader without ClickHouse: it spools what it would store."""
    from dlt_pipelines.core.series import Series
    from dlt_pipelines.live.reader import Reader
    from dlt_pipelines.venues import WEBSOCKETS
    from replay.server import environment_for
    from warehouse.settings import Settings

    origins = {name.removeprefix("MDW_").lower(): address for name, address in environment_for(url).items()}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), clickhouse_url="http://nobody:none@127.0.0.1:9", **origins)  # type: ignore[arg-type]
        reader = Reader(
            settings, [Series("bars", "binance", "spot", one, "1m") for one in SYMBOLS], quotes=False, speed=SPEED
        )
        task = asyncio.create_task(reader.run())
        await asyncio.sleep(_seconds(minutes))
        reader.stop()
        await task
        seen: Seen = {}
        ranks: dict[tuple[str, int], int] = {}
        protocol = WEBSOCKETS["binance", "spot"]
        for path in sorted(Path(folder).glob("live/spool/*/*klines*.jsonl")):
            for line in path.read_text().splitlines():
                row = json.loads(line)
                body, rest = json.loads(row["payload"]), row["http_status"] == 200
                opens = (
                    [int(r[0]) for r in body[: row["row_count"]]] if rest else [protocol.read(row["payload"]).opens[0]]
                )
                for opened in opens:
                    if rest and opened + 60_000 > _parse(row["server_time"]):
                        continue
                    values = tuple(float(v) for v in protocol.values(body, opened, rest=rest)[:5])
                    key = (row["symbol"], opened)
                    # One row per key, as in the view: rows of the gap task replace frames.
                    if ranks.get(key, -1) <= int(rest):
                        seen[key], ranks[key] = [values], int(rest)
    return seen, 0


def _parse(text: str) -> int:
    return parse_instant(text.replace(" ", "T") + "Z")


async def _ccxt(url: str, minutes: int) -> tuple[Seen, int]:
    """One task per symbol; a bar counts as closed when a newer one arrives, which is how ccxt is used."""
    import ccxt.pro

    exchange = ccxt.pro.binance({"newUpdates": True})
    exchange.urls["api"]["ws"]["spot"] = url.replace("http", "ws") + "/binance-spot/ws"
    exchange.set_markets(
        [
            {
                "id": one.replace("/", ""),
                "lowercaseId": one.replace("/", "").lower(),
                "symbol": one,
                "base": one.split("/")[0],
                "quote": one.split("/")[1],
                "type": "spot",
                "spot": True,
                "active": True,
                "precision": {},
                "limits": {},
                "contract": False,
                "linear": None,
                "inverse": None,
                "swap": False,
                "future": False,
                "option": False,
                "margin": False,
                "settle": None,
                "info": {},
            }
            for one in SYMBOLS
        ]
    )
    last: dict[tuple[str, int], tuple[float, ...]] = {}
    errors: Counter[str] = Counter()

    async def watch(symbol: str) -> None:
        while True:
            try:
                for opened, *values in await exchange.watch_ohlcv(symbol, "1m"):
                    last[symbol, opened] = tuple(values)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                errors[type(error).__name__] += 1
                await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(watch(one)) for one in SYMBOLS]
    await asyncio.sleep(_seconds(minutes))
    for task in tasks:
        task.cancel()
    await exchange.close()
    newest = {symbol: max((opened for name, opened in last if name == symbol), default=0) for symbol in SYMBOLS}
    return {key: [values] for key, values in last.items() if key[1] < newest[key[0]]}, errors.total()


async def _cryptofeed(url: str, minutes: int) -> tuple[Seen, int]:
    """Closed candles only, with its own reconnects."""
    from cryptofeed import FeedHandler
    from cryptofeed.connection import WSAsyncConn
    from cryptofeed.defines import CANDLES
    from cryptofeed.exchanges import Binance
    from cryptofeed.symbols import Symbols

    seen: Seen = {}
    accepted = WSAsyncConn.__init__

    def plain(self: WSAsyncConn, address: str, *arguments: Any, **named: Any) -> None:
        # It refuses addresses without TLS, and the replay server has none.
        accepted(self, address.replace("ws://", "wss://"), *arguments, **named)
        self.address = address

    WSAsyncConn.__init__ = plain
    pairs = {one.replace("/", "-"): one.replace("/", "") for one in SYMBOLS}
    Symbols.set(Binance.id, pairs, {"instrument_type": dict.fromkeys(pairs, "spot")})
    for endpoint in Binance.websocket_endpoints:
        endpoint.address = url.replace("http", "ws") + "/binance-spot"

    async def candle(one: Any, _: float) -> None:
        values = tuple(float(v) for v in (one.open, one.high, one.low, one.close, one.volume))
        seen.setdefault((one.symbol.replace("-", "/"), round(one.start * 1000)), []).append(values)

    handler = FeedHandler({"uvloop": False, "log": {"disabled": True}})
    feed = Binance(
        symbols=list(pairs),
        channels=[CANDLES],
        callbacks={CANDLES: candle},
        candle_interval="1m",
        candle_closed_only=True,
    )
    handler.add_feed(feed)
    loop = asyncio.get_running_loop()
    handler.run(start_loop=False, install_signal_handlers=False)
    await asyncio.sleep(_seconds(minutes))
    await handler.stop_async(loop) if hasattr(handler, "stop_async") else None
    return seen, 0


_PEERS = {"mdw live": _ours, "ccxt.pro watch_ohlcv": _ccxt, "cryptofeed": _cryptofeed}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        _run(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main(*map(int, sys.argv[1:]))
