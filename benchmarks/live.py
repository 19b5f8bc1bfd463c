"""The live reader on a replayed market that runs in real time: latency to the view, CPU and memory.

`python -m benchmarks.live [MINUTES] [QUOTES_PER_SECOND]`. The reader is the command itself, `mdw live`, in a separate
process; a poller queries `v_bars_live` every 20 ms. The venues' delays are those of the replay: Binance spot 4 ms,
USD-M and Bybit 200 ms, OKX 1 s after the minute.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

from replay.clock import Clock, parse_instant
from replay.server import ReplayServer
from replay.synthetic import SyntheticMarket
from warehouse import embedded
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.project import PROJECT
from warehouse.settings import Settings

START = "2025-03-04T09:59:40Z"
_SEEN = (
    "select toString(instrument_id), toUnixTimestamp64Milli(open_time), toUnixTimestamp64Micro(received_at) "
    "from marts.v_bars_live where open_time >= fromUnixTimestamp64Milli({a:Int64}, 'UTC') and is_provisional"
)


def main(minutes: int = 3, quotes_per_second: int = 0) -> None:
    """Print a table by feed, and one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "mdw"
        clock = Clock(parse_instant(START))
        with ReplayServer(SyntheticMarket(7), clock=clock) as server:
            environment = {**os.environ, **server.environment, "MDW_HOME": str(home), "MDW_NOW": START}
            settings = Settings(home=home)
            embedded.up(settings)
            try:
                migrate(settings)
                run = [sys.executable, "-m", "mdw"]
                subprocess.run(
                    [*run, "build", "--snapshot-id", "before"],
                    env=environment,
                    cwd=PROJECT,
                    check=True,
                    stdout=sys.stderr,
                )
                clock.set(parse_instant(START), ticking=True)
                server.sockets.faults.quotes_per_second = quotes_per_second / 23
                figures = _measure(settings, server, run, environment, minutes, quotes=quotes_per_second > 0)
            finally:
                embedded.down(settings)
    print(json.dumps(figures))


def _measure(
    settings: Settings,
    server: ReplayServer,
    run: list[str],
    environment: dict[str, str],
    minutes: int,
    *,
    quotes: bool,
) -> dict[str, object]:
    command = [*run, "live", "--json", "--quotes" if quotes else "--no-quotes"]
    log = settings.home / "live.log"
    with log.open("w") as out:
        reader = subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=out)
    process = psutil.Process(reader.pid)
    first = parse_instant(START) // 60_000 * 60_000 + 60_000
    visible: dict[tuple[str, int], tuple[float, int]] = {}
    ahead = server.clock.now_ms() - time.time() * 1000
    time.sleep(10)
    before, began = process.cpu_times(), time.monotonic()
    peak = 0
    with connect(settings, "researcher") as client:
        until = first + (minutes + 1) * 60_000 + 5_000
        while server.clock.now_ms() < until:
            now = time.time()
            for instrument, opened, received in client.query(_SEEN, parameters={"a": first}).result_rows:
                visible.setdefault((instrument, opened), (time.time(), received))
            peak = max(peak, process.memory_info().rss)
            time.sleep(max(0.0, now + 0.02 - time.time()))
    after, seconds = process.cpu_times(), time.monotonic() - began
    reader.terminate()
    reader.wait(timeout=30)
    inner, whole = defaultdict(list), defaultdict(list)
    for (instrument, opened), (seen, received) in visible.items():
        feed = instrument.rsplit(":", 1)[0]
        inner[feed].append(seen * 1000 - received / 1000)
        whole[feed].append(seen * 1000 + ahead - (opened + 60_000))
    figures: dict[str, object] = {"bars": len(visible), "exit": reader.returncode}
    print("| feed | bars | received to visible, ms p50 / p99 | minute closed to visible, ms p50 / p99 |")
    print("|---|---|---|---|")
    for feed in sorted(inner):
        cells = [f"{quantile(v, 0.5):.0f} / {quantile(v, 0.99):.0f}" for v in (inner[feed], whole[feed])]
        print(f"| {feed} | {len(inner[feed])} | {cells[0]} | {cells[1]} |")
        figures[feed] = cells
    used = after.user + after.system - before.user - before.system
    figures |= {"cpu_share_of_a_core": round(used / seconds, 4), "peak_rss_mb": round(peak / 1e6, 1)}
    figures["load_average"] = round(os.getloadavg()[0], 1)
    figures["quotes"] = server.sockets.counts["binance-spot frames"]
    return figures


def quantile(values: list[float], share: float) -> float:
    """The quantile of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
