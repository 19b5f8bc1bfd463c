"""The command `mdw live` as a person or a service runs it: arguments, addresses, terminal, pipe, signals."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlt_pipelines.core.series import Series
from dlt_pipelines.live.reader import Reader
from mdw.cli.entry_point import main
from replay.clock import Clock, parse_instant
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.live.world import until
from warehouse.errors import BadInput
from warehouse.project import PROJECT
from warehouse.settings import Settings

OKX = Series("bars", "okx", "spot", "BTC/USDT", "1m")
UNIVERSE = """
version: 1
history: {start: 2025-03-04T09:50:00Z}
timeframes: [1m, 1h]
bars:
  binance: {spot: [BTC/USDT, ETH/USDT], perp: [BTC/USDT]}
  okx: {spot: [BTC/USDT, SOL/BTC]}
  bybit: {spot: [BTC/USDT]}
  coinbase: {spot: [BTC/USD]}
instruments: false
fear_greed: false
"""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def universe(tmp_path: Path) -> Path:
    path = tmp_path / "universe.yml"
    path.write_text(UNIVERSE)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--venue", "binanse"], "'binanse' is not among.*allowed are binance, okx, bybit. Did you mean 'binance'"),
        (["--venue", "kraken"], "'kraken' is not among.*allowed are binance, okx, bybit. Add it"),
        (["--venue", "coinbase"], "'coinbase' is not among the 1m bars of the universe that have a live feed"),
        (["--symbol", "BTCUSDT"], "'BTCUSDT' is not among.*Did you mean 'BTC/USDT'"),
        (["--market", "spott"], "allowed are spot, perp. Did you mean 'spot'"),
        (["--venue", "bybit", "--symbol", "SOL/BTC"], "Nothing among.*--venue bybit --symbol SOL/BTC together"),
        (["--probe", "5"], "--probe is '5'.*Write it like 30m"),
        (["--report", "x.md"], "give --probe 30m as well"),
    ],
)
def test_bad_arguments_name_what_is_allowed(
    arguments: list[str],
    words: str,
    universe: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MDW_UNIVERSE", str(universe))
    monkeypatch.setattr(sys, "argv", ["mdw", "live", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert re.search(words, " ".join(said.split())), said
    assert said.startswith("bad input: ")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:9", "does not begin with ws:// or wss://"),
        ("127.0.0.1:9000", "does not begin with ws:// or wss://"),
        ("ws://", "no host"),
        ("wss://a host/okx", "no host"),
        ("wss://host:99999", "out of range"),
        ("wss://host:port", "Port could not be cast|port"),
        ("wss://user:secret@host", "only scheme, host and a path"),
        ("wss://host?a=b", "only scheme, host and a path"),
        ("wss://ws.okx.com:8443/ws/v5/business", "own path /ws/v5/business is added"),
    ],
)
def test_an_address_that_cannot_be_one_is_bad_input(address: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=why) as told:
        Reader(Settings(home=tmp_path, okx_ws_url=address), [OKX])  # type: ignore[call-arg]
    assert "MDW_OKX_WS_URL" in str(told.value)
    assert "wss://ws.okx.com:8443" in str(told.value)


def test_an_address_of_no_feed_is_bad_input_and_a_prefix_is_kept(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"MDW_BINANCE_WS_URL is the address of no feed.*MDW_BINANCE_SPOT_WS_URL"):
        Reader(Settings(home=tmp_path, binance_ws_url="wss://host"), [OKX])  # type: ignore[call-arg]
    reader = Reader(Settings(home=tmp_path, okx_ws_url="ws://127.0.0.1:9000/okx/"), [OKX])  # type: ignore[call-arg]
    assert reader._bases == {("okx", "spot"): "ws://127.0.0.1:9000/okx"}
    # That of a venue which is not followed is nobody's business.
    Reader(Settings(home=tmp_path, bybit_ws_url="http://x"), [OKX])  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    start = parse_instant("2025-03-04T09:59:50Z")
    with ReplayServer(SyntheticMarket(5), clock=Clock(start, ticking=True)) as running:
        yield running


def on_a_terminal(command: list[str], environment: dict[str, str], seconds: float) -> tuple[int, list[str]]:
    """Run on 80 columns and 24 lines, press Ctrl-C so long after the first output; the exit code and the lines."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    running = subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, stdin=follower, stdout=follower, stderr=follower,
        start_new_session=True, cwd=PROJECT,
    )  # fmt: skip
    os.close(follower)
    text, interrupt_at = b"", float("inf")
    try:
        while True:
            if select.select([leader], [], [], 0.2)[0]:
                try:
                    text += os.read(leader, 65_536)
                    if interrupt_at == float("inf"):
                        interrupt_at = time.monotonic() + seconds
                except OSError:
                    break
            if interrupt_at and time.monotonic() > interrupt_at:
                interrupt_at = 0.0
                running.send_signal(signal.SIGINT)
            if running.poll() is not None and not interrupt_at:
                break
        return running.wait(30), _ESCAPES.sub("", text.decode()).replace("\r", "\n").split("\n")
    finally:
        running.kill()
        os.close(leader)


def test_two_readers_on_a_terminal_and_on_a_pipe(
    module_warehouse: Warehouse, server: ReplayServer, universe: Path
) -> None:
    environment = {
        **os.environ,
        **server.environment,
        **module_warehouse.environment,
        "MDW_UNIVERSE": str(universe),
    }
    command = [sys.executable, "-m", "mdw", "live"]
    piped = subprocess.Popen(
        [*command, "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )
    lines = subprocess.Popen(
        [*command, "--venue", "bybit", "--no-quotes"], env=environment, stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    try:
        started = "select count() from ops.live_events where kind = 'started'"
        until(lambda: module_warehouse.rows(started) == [(2,)], 60, "the start of two readers")
        code, shown = on_a_terminal(command, environment, 14.0)
        assert code == 0, shown
        for one in (piped, lines):
            one.send_signal(signal.SIGTERM)
        said, errors = piped.communicate(timeout=40)
        plain, _ = lines.communicate(timeout=40)
    finally:
        piped.kill()
        lines.kill()
    assert (piped.returncode, errors) == (0, "")
    assert lines.returncode == 0

    # A terminal: nothing wider than its 80 columns, no traceback, a row a feed and the age of series.
    assert max(map(len, shown)) <= 80
    text = "\n".join(shown)
    assert "Traceback" not in text
    for feed in ("binance spot", "binance perp", "okx spot", "bybit spot"):
        assert re.search(rf"^{feed} +1?[0-9]/2 ", text, re.MULTILINE), feed
    assert "Age of the newest bar, oldest first" in text
    # A pipe: a line a feed, or JSON; no escape sequence.
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert {feed: (one["series"], one["connections"]) for feed, one in told.items()} == {
        "binance spot": (2, 2), "binance perp": (1, 2), "okx spot": (2, 2), "bybit spot": (1, 2)
    }  # fmt: skip
    assert re.fullmatch(
        r"feed=bybit_spot connected=1/1 series=1 oldest_bar=[0-9.]+s (\S+=\S+ )*ends=0 spool=0\.0MB",
        plain.splitlines()[-1],
    )
    assert "\x1b" not in said + plain
    # Each stopped cleanly and said so.
    readers = module_warehouse.rows(
        "select reader, countIf(kind = 'started'), countIf(kind = 'stopped'), countIf(kind = 'dropped') "
        "from ops.live_events group by reader"
    )
    assert [row[1:] for row in readers] == [(1, 1, 0)] * 3
    stops = "select distinct cause from ops.live_events where kind = 'disconnected'"
    assert module_warehouse.rows(stops) == [("stopped",)]
    assert server.journal.violations == {}


def test_nobody_listens_where_the_feed_should_be(
    module_warehouse: Warehouse, server: ReplayServer, universe: Path
) -> None:
    """A wrong host is no reason to end: the venue may come back, and REST supplies the bars."""
    environment = {
        **os.environ,
        **server.environment,
        **module_warehouse.environment,
        "MDW_UNIVERSE": str(universe),
        "MDW_OKX_WS_URL": "ws://127.0.0.1:9/okx",
    }
    command = [sys.executable, "-m", "mdw", "live", "--venue", "okx", "--no-quotes"]
    running = subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=subprocess.DEVNULL)
    told = "select count() > 1 from ops.live_events where kind = 'disconnected' and cause = 'no_connection'"
    by_rest = "select count() > 0 from raw.okx__live_spot_candles where http_status = 200"
    try:
        until(lambda: module_warehouse.rows(told) == [(1,)], 40, "two attempts")
        until(lambda: module_warehouse.rows(by_rest) == [(1,)], 90, "a bar by REST")
        running.send_signal(signal.SIGTERM)
        assert running.wait(40) == 0
    finally:
        running.kill()
