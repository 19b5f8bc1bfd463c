"""The archive lane from zip to raw: bars a second on this machine, and the same rows by dlt.

    python -m benchmarks.archive [--months 24] [--out FILE]

Months of 1m bars of Binance spot are made beforehand and lie in the memory of a replay in its own process. Measured
is what `mdw backfill --lane archive` does then: download, digest, checks, insert, rows acknowledged by ClickHouse. The
second line is the CPU work of one file without network and database, the third the same parts landed by a dlt pipeline.
"""

import argparse
import asyncio
import hashlib
import json
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa

from dlt_pipelines import backfill
from dlt_pipelines.archive.download import Downloader
from dlt_pipelines.archive.form import examine
from dlt_pipelines.archive.parts import Download, to_arrow
from dlt_pipelines.archive.unzip import unzip
from dlt_pipelines.archive.venues import ARCHIVES
from dlt_pipelines.landing import _make_pipeline
from dlt_pipelines.plan import Plan
from dlt_pipelines.selection import Selection
from dlt_pipelines.universe import load
from replay.process import ReplayProcess
from warehouse import embedded
from warehouse.client import connect
from warehouse.embedded.state import read_state
from warehouse.migrate import migrate
from warehouse.settings import Settings

NOW = datetime(2025, 7, 20, tzinfo=UTC)
CHOICE = Selection(("bars",), ("binance",), ("spot",), ("BTC/USDT", "ETH/USDT"), ("1m",))


def main() -> None:
    """Run all three and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--months", type=int, default=12)
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, ReplayProcess("--synthetic", "--now", NOW.isoformat()) as server:
        origins = {name.removeprefix("MDW_").lower(): url for name, url in server.environment.items()}
        settings = Settings(home=Path(folder), now=NOW, **origins)
        embedded.up(settings)
        try:
            migrate(settings)
            results = measure(settings, chosen.months)
        finally:
            embedded.down(settings)
    for name, figures in results.items():
        print(f"{name:<28}" + "  ".join(f"{key} {value:,.2f}" for key, value in figures.items()))
    if chosen.out:
        chosen.out.write_text(json.dumps(results, indent=2))


def measure(settings: Settings, months: int) -> dict[str, dict[str, float]]:
    """Figures by name."""
    index = 12 * 2025 + 6 - months
    start = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
    plan = backfill.plan(
        settings, load(settings.universe), CHOICE, start, datetime(2025, 7, 1, tzinfo=UTC), pace=None, lane="archive"
    )
    warm(settings, plan)
    used = cpu_seconds(settings)
    report = backfill.run(plan, pace=None)
    used = cpu_seconds(settings) - used
    assert report.complete, report.failures
    results = {"lane archive, zip to raw": figures(report.rows, report.seconds, report.payload_bytes)}
    results["the same, as two idle cores"] = figures(report.rows, used / 2, report.payload_bytes)
    with connect(settings) as client:
        # The pages that planning fetched land, too.
        stored = client.query(
            "select (select sum(row_count) from raw.binance__archive_spot_klines) "
            "+ (select sum(row_count) from raw.binance__spot_klines)"
        ).result_rows[0][0]
    assert stored == report.rows, (stored, report.rows)
    results |= one_file(settings, plan)
    return results


def cpu_seconds(settings: Settings) -> float:
    """CPU time of this process and of ClickHouse so far: what a busy machine does not falsify."""
    server = psutil.Process(read_state(settings.home).pid).cpu_times()
    own = psutil.Process().cpu_times()
    return server.user + server.system + own.user + own.system


def warm(settings: Settings, plan: Plan) -> None:
    """Make the replay write its zips before the clock runs."""
    for file in plan.files:
        with urllib.request.urlopen(f"{settings.origins['binance_archive_url']}{file.path}") as answer:
            answer.read()


def one_file(settings: Settings, plan: Plan) -> dict[str, dict[str, float]]:
    """One month: its CPU work, its insert, and dlt's."""
    file = plan.files[-1]
    download = asyncio.run(_fetch(settings, plan))
    began = time.perf_counter()
    hashlib.sha256(download.data).hexdigest()
    text = unzip(file.name, download.data, file.member)
    form = examine(file, text)
    batch = to_arrow(file, download, text, form, None)
    worked = time.perf_counter() - began
    table = pa.Table.from_batches([batch])
    began = time.perf_counter()
    with connect(settings, "ingest") as client:
        client.insert_arrow("raw.binance__archive_spot_klines", table)
    inserted = time.perf_counter() - began
    return {
        "one month: CPU of checks": figures(form.rows, worked, len(text)),
        "one month: insert": figures(form.rows, inserted, len(text)),
        "one month: the same by dlt": figures(form.rows, by_dlt(settings, table), len(text)),
    }


async def _fetch(settings: Settings, plan: Plan) -> Download:
    async with Downloader(ARCHIVES["binance"], settings.origins["binance_archive_url"]) as downloader:
        return await downloader.get(plan.files[-1])


def by_dlt(settings: Settings, table: pa.Table) -> float:
    """Seconds of a second load: the first one makes tables."""
    import dlt

    text = table.set_column(table.schema.get_field_index("payload"), "payload", table["payload"].cast(pa.string()))
    text = text.drop_columns(["conflicts"])
    pipeline = _make_pipeline("bench", settings.connection("admin"), settings.home / "bench")
    seconds = 0.0
    for _ in range(2):
        began = time.perf_counter()
        pipeline.run([dlt.resource([text], name="parts", write_disposition="append")], loader_file_format="parquet")
        seconds = time.perf_counter() - began
    return seconds


def figures(rows: int, seconds: float, size: int) -> dict[str, float]:
    """Bars, seconds, bars a second, MB of text a second."""
    return {"bars": rows, "seconds": seconds, "bars/s": rows / seconds, "MB/s": size / seconds / 1e6}


if __name__ == "__main__":
    main()
