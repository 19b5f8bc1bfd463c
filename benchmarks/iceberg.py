"""Iceberg: export, export after one changed month, read-back against v_bars_at, and import. Synthetic rows.

The rows are inserted directly into the mart (18 series of one-minute bars); dbt publishes them, without the audits.
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
from mdw.publishing import dbt, recovery
from warehouse import embedded, snapshots
from warehouse.client import connect
from warehouse.iceberg import readback
from warehouse.iceberg.export import Export, export
from warehouse.iceberg.layout import BY_NAME
from warehouse.iceberg.target import Target
from warehouse.migrate import migrate
from warehouse.settings import Settings

MONTHS = 12
FIRST_YEAR = 2024
REPEATS = 7
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "SOL/BTC", "ETH/BTC")
VENUES = ("binance", "okx", "bybit")

_COLUMNS = (
    "instrument_id, venue, market, symbol, timeframe, open_time, open, high, low, close, volume, quote_volume, "
    "trade_count, source, ingested_at"
)
_ROWS = f"""
    insert into marts.bars ({_COLUMNS}, valid_from_version)
    select concat(venue, ':spot:', symbol), venue, 'spot', symbol, '1m', start + toIntervalMinute(minute) as open_time,
        round(100 + 20 * sin(minute / 700) + (cityHash64(minute, venue, symbol) % 4000) / 1000, 2) as open,
        open + 1.37, open - 1.12, round(open + (cityHash64(minute, symbol) % 200) / 100 - 1, 2) as close,
        (cityHash64(symbol, minute) % 100000000) / 10000 as volume, volume * close, cityHash64(minute) % 5000, 'rest',
        toDateTime64('2026-01-01 00:00:00', 6, 'UTC'), {{version:UInt32}}
    from (
        select arrayJoin({{venues:Array(String)}}) as venue, arrayJoin({{symbols:Array(String)}}) as symbol,
            toDateTime64({{month:String}}, 3, 'UTC') as start,
            arrayJoin(range(dateDiff('minute', start, addMonths(start, 1)))) as minute
    )
"""
# As in a build: old rows are closed and new ones added, for one minute in a hundred of one month.
_CLOSE = f"""
    insert into marts.bars ({_COLUMNS}, valid_from_version, valid_to_version)
    select {_COLUMNS}, 1, 2 from marts.bars final
    where toYYYYMM(open_time) = {{month:UInt32}} and toMinute(open_time) = 7 and valid_from_version = 1
"""
_REVISE = f"""
    insert into marts.bars ({_COLUMNS}, valid_from_version)
    select * replace (close + 0.01 as close), 2 from (
        select {_COLUMNS} from marts.bars final
        where toYYYYMM(open_time) = {{month:UInt32}} and toMinute(open_time) = 7 and valid_from_version = 1
    )
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


def main(months: int = MONTHS) -> None:
    """Print a table and one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "mdw", clickhouse_url=None)
        pid = embedded.up(settings).pid
        assert pid is not None
        try:
            figures = _measure(settings, pid, months)
        finally:
            embedded.down(settings)
    for name, value in figures.items():
        print(f"{name:>44}  {value:>14,}")
    print(json.dumps(figures))


def _measure(settings: Settings, pid: int, months: int) -> dict[str, float]:
    migrate(settings)
    _dbt(settings, "run-operation", "base", sub=("create_marts",))
    client = connect(settings, "admin")
    fill(client, months)
    publish(settings, "base")
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
    for statement in (_REVISE, _CLOSE):
        client.command(statement, parameters={"month": FIRST_YEAR * 100 + 3})
    client.command(f"optimize table marts.bars partition {FIRST_YEAR * 100 + 3} final")
    publish(settings, "next")
    changed, done = _timed("export_one_month_changed", settings, "next", lake)
    figures |= changed
    figures["rows_written_one_month_changed"] = done.parts[0].rows_written
    figures |= _read_back(client, lake, done)
    return figures | _import(settings, lake)


def fill(client: Client, months: int) -> None:
    """Insert this many months of all series into the mart, as version 1."""
    for number in range(months):
        month = f"{FIRST_YEAR + number // 12}-{number % 12 + 1:02}-01 00:00:00"
        client.command(
            _ROWS, parameters={"version": 1, "venues": list(VENUES), "symbols": list(SYMBOLS), "month": month}
        )
    client.command("optimize table marts.bars final")


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


def publish(settings: Settings, snapshot_id: str) -> None:
    """Publish the content of the mart, without audits."""
    only = ("--exclude", "config.materialized:versioned", "--exclude-resource-types", "test", "unit_test")
    _dbt(settings, "build", snapshot_id, *only)


def _dbt(settings: Settings, command: str, snapshot_id: str, *extra: str, sub: tuple[str, ...] = ()) -> None:
    outcome = dbt.run(settings, command, {"snapshot_id": snapshot_id}, *extra, sub=sub)
    assert outcome.exit_code == 0, outcome.errors


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MONTHS)
