"""Iceberg: export, export after one changed month, read-back against v_bars_at, and import: `… benchmarks.iceberg 1`.

Years of 18 series of one-minute bars, synthetic, inserted directly into the mart and published by a build.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from clickhouse_connect.driver.client import Client

from benchmarks.peak import Peak
from benchmarks.sdk import FIRST_YEAR, fill_and_publish
from mdw.publishing import recovery, snapshot_build
from warehouse import embedded, snapshots
from warehouse.client import connect
from warehouse.iceberg import readback
from warehouse.iceberg.export import Export, export
from warehouse.iceberg.layout import BY_NAME
from warehouse.iceberg.target import Target
from warehouse.migrate import migrate
from warehouse.settings import Settings

REPEATS = 7
# As in a build: old rows are closed and new ones added, for one minute in sixty of one month.
_MONTH = FIRST_YEAR * 100 + 3
_PART = f"toYYYYMM(open_time) = {_MONTH} and toMinute(open_time) = 7 and valid_from_version < {{version:UInt32}}"
_REVISE = f"""
    insert into marts.bars
    select * replace (
        close + (high - close) / 2 as close, {{version:UInt32}} as valid_from_version,
        now64(6, 'UTC') as ingested_at
    )
    from marts.bars final
    where {_PART}
"""
_CLOSE = f"""
    insert into marts.bars
    select * replace ({{version:UInt32}} as valid_to_version)
    from marts.bars final
    where {_PART}
"""
READS = {
    "one series, one year": "select sum(close), sum(volume), max(high), min(low) from {source} "
    "where instrument_id = 'binance:spot:BTC/USDT' and timeframe = '1m' "
    f"and open_time >= '{FIRST_YEAR}-01-01' and open_time < '{FIRST_YEAR + 1}-01-01'",
    "all series, one month": "select instrument_id, sum(close), sum(volume) from {source} "
    f"where timeframe = '1m' and open_time >= '{FIRST_YEAR}-03-01' and open_time < '{FIRST_YEAR}-04-01' "
    "group by instrument_id order by instrument_id",
    "1m to 1d, everything": "select instrument_id, toStartOfDay(open_time) as day, argMin(open, open_time), max(high), "
    "min(low), argMax(close, open_time), sum(volume) from {source} where timeframe = '1m' group by instrument_id, day "
    "order by instrument_id, day",
}


def main(years: int = 1) -> None:
    """Print a table and one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "mdw", clickhouse_url=None)
        pid = embedded.up(settings).pid
        assert pid is not None
        try:
            figures = _measure(settings, pid, years)
        finally:
            embedded.down(settings)
    for name, value in figures.items():
        print(f"{name:>44}  {value:>14,}")
    print(json.dumps(figures))


def _measure(settings: Settings, pid: int, years: int) -> dict[str, float]:
    fill_and_publish(settings, years)
    client = connect(settings, "admin")
    # Inside the server's own folder: the embedded ClickHouse reads Iceberg only there.
    lake = Target.parse(str(settings.home / "clickhouse" / "lake"))
    bars = int(str(client.command("select count() from marts.v_bars_at(snapshot_id = 'base')")))
    figures: dict[str, float] = {"bars": bars, "load_average": round(os.getloadavg()[0], 1)}
    with Peak(pid) as peak:
        figures |= _timed("export", settings, "base", lake)[0]
    size = sum(path.stat().st_size for path in Path(lake.path, "bars", "data").rglob("*.parquet"))
    figures |= {
        "export_bars_per_second": round(bars / figures["export_seconds"]),
        "bytes_a_bar": round(size / bars, 1),
        "export_peak_mb": round(peak.pipeline / 1e6),
        "server_peak_mb": round(peak.server / 1e6),
    }
    figures |= _timed("export_again", settings, "base", lake)[0]
    version = client.query("select max(version) + 1 from ops.builds").result_rows[0][0]
    for statement in (_REVISE, _CLOSE):
        client.command(statement, parameters={"version": version})
    client.command(f"optimize table marts.bars partition {_MONTH} final")
    built = snapshot_build.build(settings, "next")
    assert built.data_version == version, (built.failures, built.notices)
    changed, done = _timed("export_one_month_changed", settings, "next", lake)
    figures |= changed
    figures["rows_written_one_month_changed"] = done.parts[0].rows_written
    figures |= _read_back(client, lake, done)
    return figures | _import(settings, lake)


def _timed(name: str, settings: Settings, snapshot_id: str, lake: Target) -> tuple[dict[str, float], Export]:
    began = time.monotonic()
    done = export(settings, snapshot_id, lake)
    return {f"{name}_seconds": round(time.monotonic() - began, 2)}, done


def _read_back(client: Client, lake: Target, done: Export) -> dict[str, float]:
    snapshot = snapshots.find(client, "next")
    dataset = BY_NAME["bars"]
    pin, source = done.parts[0].iceberg_snapshot_id, f"icebergLocal('{lake.path}/bars')"
    candidates = {
        "view": "marts.v_bars_at(snapshot_id = 'next')",
        "iceberg": f"(select * from {source} settings iceberg_snapshot_id = {pin})",
        "iceberg_as_view": f"({readback.select(client, dataset, snapshot, source, pin)})",
    }
    figures: dict[str, float] = {}
    for name, sql in READS.items():
        times: dict[str, list[float]] = {candidate: [] for candidate in candidates}
        answers = {}
        # Interleaved, so that other load on the machine affects all equally.
        for _ in range(REPEATS):
            for candidate, taken in times.items():
                began = time.monotonic()
                answers[candidate] = client.query(sql.format(source=candidates[candidate])).result_rows
                taken.append(time.monotonic() - began)
        assert [row[0] for row in answers["view"]][1:] == [row[0] for row in answers["iceberg"]][1:]
        for candidate, taken in times.items():
            figures[f"{name}: {candidate}_ms"] = round(median(taken) * 1000, 1)
        for candidate in ("iceberg", "iceberg_as_view"):
            figures[f"{name}: {candidate}/view"] = round(median(times[candidate]) / median(times["view"]), 2)
    return figures


def _import(settings: Settings, lake: Target) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        other = Settings(home=Path(folder) / "mdw", clickhouse_url=None)
        pid = embedded.up(other).pid
        assert pid is not None
        try:
            migrate(other)
            with Peak(pid) as peak:
                result = recovery.restore(other, "next", lake)
            return {"import_seconds": round(result.seconds, 1), "import_peak_mb": round(peak.pipeline / 1e6)}
        finally:
            embedded.down(other)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
