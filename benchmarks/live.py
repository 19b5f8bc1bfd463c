"""The live reader on a replayed market that runs in real time (speed 1): latency, CPU and memory.

`python -m benchmarks.live [MINUTES] [QUOTES_PER_SECOND]`. The reader is the command itself, `mdw live`, in a separate
process. A poller asks every 50 ms which rows have become visible; the view `v_bars_live` is read by itself at the end,
because reading it all the time would take the CPU that is measured. The venues' delays are those of the replay: Binance
spot 4 ms, USD-M and Bybit 200 ms, OKX 1 s after the minute. 15 % of closed frames never come, and REST is asked.
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
from replay.sockets.faults import SocketFaults
from replay.synthetic import SyntheticMarket
from warehouse import embedded
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.project import PROJECT
from warehouse.settings import Settings

START = "2025-03-04T09:59:40Z"
_SEEN = (
    "select concat(venue, ':', market), symbol, toUnixTimestamp64Milli(assumeNotNull(window_start)), http_status, "
    "toUnixTimestamp64Micro(fetched_at) "
    "from merge('raw', '^[a-z]+__live_[a-z]+_(klines|candles)$') "
    "where fetched_at > now64(6) - interval 90 second and window_start >= fromUnixTimestamp64Milli({a:Int64}, 'UTC') "
    "and window_end = window_start + interval 1 minute order by http_status, fetched_at"
)
_VIEW = "select count(), max(open_time) from marts.v_bars_live where open_time >= now() - interval 10 minute"


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
                server.sockets.faults = SocketFaults(seed=1, drop=0.15, quotes_per_second=quotes_per_second / 23)
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
    process, process_began = psutil.Process(reader.pid), time.time()
    first = parse_instant(START) // 60_000 * 60_000 + 60_000
    visible: dict[tuple[str, str, int], tuple[float, int, int]] = {}
    ahead = server.clock.now_ms() - time.time() * 1000
    time.sleep(10)
    before, began = process.cpu_times(), time.monotonic()
    sizes = []
    with connect(settings, "auditor") as client:
        until = first + (minutes + 1) * 60_000 + 15_000
        while server.clock.now_ms() < until:
            now = time.time()
            for feed, symbol, opened, status, received in client.query(_SEEN, parameters={"a": first}).result_rows:
                visible.setdefault((feed, symbol, opened), (time.time(), received, status))
            sizes.append(process.memory_info().rss / 1e6)
            time.sleep(max(0.0, now + 0.05 - time.time()))
        after, seconds = process.cpu_times(), time.monotonic() - began
        reads = []
        for _ in range(12):
            began = time.monotonic()
            client.query(_VIEW)
            reads.append(time.monotonic() - began)
    reader.terminate()
    reader.wait(timeout=30)
    status = json.loads(log.read_text().splitlines()[-1])
    columns: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (feed, _, opened), (seen, received, how) in visible.items():
        if opened + 60_000 > until - 15_000:
            continue
        after_close = seen * 1000 + ahead - (opened + 60_000)
        if how == 101:
            columns[feed]["received to visible"].append(seen * 1000 - received / 1000)
            columns[feed]["closed to visible"].append(after_close)
        elif opened > first:
            columns[feed]["lost frame to visible"].append(after_close)
    figures: dict[str, object] = {"bars": len(visible), "exit": reader.returncode}
    print("ms, p50 / p99 (bars)\n")
    print("| feed | received → visible | minute closed → visible | lost frame: minute closed → visible by REST |")
    print("|---|---|---|---|")
    for feed, values in sorted(columns.items()):
        cells = [cell(values[name]) for name in ("received to visible", "closed to visible", "lost frame to visible")]
        print(f"| {feed} | {' | '.join(cells)} |")
        figures[feed] = cells
    used = after.user + after.system - before.user - before.system
    figures |= {"cpu_share_of_a_core": round(used / seconds, 4), "rss_mb": [round(sizes[0], 1), round(max(sizes), 1)]}
    figures["view_read_ms"] = [round(quantile(reads, share) * 1000) for share in (0.5, 0.99)]
    figures["load_average"] = round(os.getloadavg()[0], 1)
    lived = time.time() - process_began
    for name in ("frames", "quotes"):
        count = sum(one["counts"].get(name, 0) for one in status.values())
        figures[f"{name}_per_second"] = round(count / (lived - 5))
    return figures


def cell(values: list[float]) -> str:
    """p50 / p99 and the number of values."""
    return f"{quantile(values, 0.5):.0f} / {quantile(values, 0.99):.0f} ({len(values)})" if values else "none"


def quantile(values: list[float], share: float) -> float:
    """The quantile of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
