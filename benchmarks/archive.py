"""The archive lane from zip to raw: bars per second on this machine, its bottleneck, and the same rows through dlt.

    python -m benchmarks.archive [--months 60] [--out FILE]

Months of 1m bars of Binance spot (two symbols) are generated beforehand and kept in memory by a replay in its own
process. Measured is what `mdw backfill --lane archive` then does: download, digest, checks, insert, rows acknowledged
by ClickHouse; once for half a year and once for all months. The other lines are the steps of that work for one file, in
CPU time.
"""

import argparse
import asyncio
import hashlib
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from dlt_pipelines import backfill
from dlt_pipelines.archive.download import Download, Downloader
from dlt_pipelines.archive.file_loader import check, insert
from dlt_pipelines.archive.unzip import unzip
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.planning.universe import load
from dlt_pipelines.rest.page_loader import _destination, _make_pipeline
from dlt_pipelines.venues import ARCHIVES
from replay.process import ReplayProcess
from warehouse import embedded
from warehouse.client import connect
from warehouse.embedded.state import read_state
from warehouse.migrate import migrate
from warehouse.settings import Settings

NOW = datetime(2025, 7, 20, tzinfo=UTC)
CHOICE = Selection(("bars",), ("binance",), ("spot",), ("BTC/USDT", "ETH/USDT"), ("1m",))
TABLE = "raw.binance__archive_spot_klines"
FEW_MONTHS = 6
Figures = dict[str, float]


def main() -> None:
    """Run all and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--months", type=int, default=24, help="at most 60: the replay keeps 256 MB of files")
    options.add_argument("--out", type=Path)
    chosen, _ = options.parse_known_args()
    with tempfile.TemporaryDirectory() as folder, ReplayProcess("--synthetic", "--now", NOW.isoformat()) as server:
        origins: dict[str, Any] = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
        settings = Settings(home=Path(folder), now=NOW, **origins)
        embedded.up(settings)
        try:
            migrate(settings)
            warm(settings, _plan(settings, chosen.months))
            results = {f"{months} months": lane(settings, months) for months in (FEW_MONTHS, chosen.months)}
            results |= one_file(settings, _plan(settings, chosen.months))
        finally:
            embedded.down(settings)
    for name, figures in results.items():
        print(f"{name:<28}" + "  ".join(f"{key} {value:,.2f}" for key, value in figures.items()))
    print(f"load {os.getloadavg()[0]:.1f}")
    if chosen.out:
        chosen.out.write_text(json.dumps(results, indent=2))


def warm(settings: Settings, plan: Plan) -> None:
    """Make the replay generate its zips before the measurement."""
    for file in plan.files:
        with urllib.request.urlopen(f"{settings.origins['binance_archive_url']}{file.path}") as answer:
            answer.read()


def lane(settings: Settings, months: int) -> Figures:
    """Land this many months into an empty table: wall and CPU time, and later merges separately."""
    with connect(settings, "admin") as client:
        client.command(f"truncate table {TABLE}")
        plan = _plan(settings, months)
        used = cpu_seconds(settings)
        report = backfill.run(plan, pace=None)
        used = cpu_seconds(settings) - used
        assert report.complete, report.failures
        stored = client.query(f"select sum(row_count) from {TABLE}").result_rows[0][0]
        assert stored == report.rows, (stored, report.rows)
        merging = cpu_seconds(settings)
        while client.query("select count() from system.merges where database = 'raw'").result_rows[0][0]:
            time.sleep(0.1)
        merging = cpu_seconds(settings) - merging
    return {
        "files": len(plan.files),
        "bars": report.rows,
        "MB of text": report.payload_bytes / 1e6,
        "seconds": report.seconds,
        "bars/s": report.rows / report.seconds,
        "bars/s by CPU, two cores": report.rows / (used / 2),
        "merges after, CPU s": merging,
    }


def cpu_seconds(settings: Settings) -> float:
    """CPU time of this process and of ClickHouse so far, which other load on the machine distorts less."""
    return _cpu(read_state(settings.home).pid) + _cpu(os.getpid())


def one_file(settings: Settings, plan: Plan) -> dict[str, Figures]:
    """One month of the plan: its checks, the minimum for them, its insert, and that of dlt."""
    file, server = plan.files[-1], read_state(settings.home).pid
    download = asyncio.run(_fetch(settings, plan))
    checked = check(file, download, None)
    own = {
        "sha256 and inflate alone": lambda: (
            hashlib.sha256(download.data).digest(),
            unzip(file.name, download.data, file.member),
        ),
        "all checks": lambda: check(file, download, None),
    }
    found = {name: _per_bar(checked.rows, os.getpid(), work) for name, work in own.items()}
    with connect(settings, "admin") as client:
        found["insert"] = _per_bar(checked.rows, server, lambda: insert(client, TABLE, [checked] * 4), files=4)
        rows = client.query_arrow(
            "select * except conflicts replace (toString(page_id) as page_id, toString(file_sha256) as file_sha256) "
            f"from {TABLE} where file_path = '{file.path}' limit {checked.parts.count}"
        )
    found["the same by dlt"] = {"M bars/s": checked.rows / by_dlt(settings, rows) / 1e6}
    return found


def by_dlt(settings: Settings, rows: pa.Table) -> float:
    """Seconds of a second load: the first one creates tables."""
    import dlt

    pipeline = _make_pipeline("bench", _destination(settings.connection("admin"), None, ""), settings.home / "bench")
    seconds = 0.0
    for _ in range(2):
        began = time.perf_counter()
        pipeline.run([dlt.resource([rows], name="parts", write_disposition="append")], loader_file_format="parquet")
        seconds = time.perf_counter() - began
    return seconds


def _plan(settings: Settings, months: int) -> Plan:
    index = 12 * 2025 + 6 - months
    start, end = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
    universe = load(settings.universe)
    return backfill.plan(settings, universe, CHOICE, start, end, refetch=True, pace=None, lane="archive")


def _per_bar(rows: int, pid: int, work: Callable[[], object], files: int = 1, times: int = 12) -> Figures:
    """CPU time of a process for some work, as bars per second of one core."""
    work()
    used = _cpu(pid)
    for _ in range(times):
        work()
    used = (_cpu(pid) - used) / times / files
    return {"M bars/s a core": rows / used / 1e6, "ms a month": used * 1e3}


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


async def _fetch(settings: Settings, plan: Plan) -> Download:
    async with Downloader(ARCHIVES["binance"], settings.origins["binance_archive_url"]) as downloader:
        return await downloader.get(plan.files[-1])


if __name__ == "__main__":
    main()
