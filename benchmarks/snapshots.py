"""Snapshots at scale: pinned reads against a plain table, and the cost of publication and builds as history grows.

`python -m benchmarks.snapshots [MONTHS …]`: 36 months are 28.4 M bars, 127 are 100 M. Ratios are of medians of server
time in one run with interleaved candidates; CPU time is given too, as other load on the machine affects it less.
"""

import json
import os
import statistics
import sys
import uuid
from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client

from benchmarks import generated_bars
from benchmarks.built_warehouse import built_warehouse
from mdw.publishing import dbt, snapshot_build
from warehouse.settings import Settings
from warehouse.snapshots import registry
from warehouse.snapshots.layout import shown_at
from warehouse.snapshots.verify import verify

SNAPSHOTS = 236
REPETITIONS = 41
PIN = 200
_COLUMNS = (
    "instrument_id, venue, market, symbol, timeframe, open_time, open, high, low, close, volume, quote_volume, "
    "trade_count, source, ingested_at"
)


def main(months: tuple[int, ...] = (2, 36)) -> None:
    """Measure one history after the other; prints tables and one line of JSON for each."""
    for number in months:
        history(number)


def history(months: int) -> None:
    """Measure a new warehouse with this many months of 18 series."""
    with built_warehouse() as (settings, client):
        bars = generated_bars.fill(client, months)
        figures = {"bars": bars, **measure(settings, client, months)}
    print(json.dumps({**figures, "load": os.getloadavg()[0]}))


def measure(settings: Settings, client: Client, months: int) -> dict[str, float]:
    """All results on a warehouse with a filled marts.bars."""
    register(client, SNAPSHOTS)
    operate(settings, "reconcile_snapshots")
    figures: dict[str, float] = {}
    with_reads = 12 <= months <= 36
    if with_reads:
        plain_copy(client)
        figures.update(reads(client, "merged"))
    figures.update(builds(settings, client))
    if with_reads:
        figures.update(reads(client, "after load"))
        register(client, 2000)
        views = dbt.run(settings, "run", snapshot_build.claim_variables(settings), "--select", *_VIEWS)
        assert views.exit_code == 0, views.errors
        operate(settings, "reconcile_snapshots")
        figures.update(reads(client, "2000 pins"))
    figures["verify s"] = round(verify(client, registry.find(client, f"s{SNAPSHOTS}")).seconds, 2)
    return figures


def register(client: Client, number: int) -> None:
    """Register this many published snapshots s1, s2 …; the n-th has data version n."""
    hashed = client.query("select row_hash, hashed_columns from marts.snapshots limit 1").result_rows[0]
    client.command("truncate table marts.snapshots")
    now = datetime.now(UTC)
    client.insert(
        "marts.snapshots",
        [[f"s{version}", version, now, *hashed] for version in range(1, number + 1)],
        column_names=["snapshot_id", "data_version", "published_at", "row_hash", "hashed_columns"],
    )
    client.command(
        "insert into ops.builds (version, invocation_id, state, owner) "
        f"select greatest(max(version), {number:d}), 'bench', 'finished', 'bench' from ops.builds"
    )


def operate(settings: Settings, macro: str) -> None:
    """Run one of the dbt operations."""
    done = dbt.run(settings, "run-operation", snapshot_build.claim_variables(settings), sub=(macro,))
    assert done.exit_code == 0, done.errors


def plain_copy(client: Client) -> None:
    """Copy the rows of the pin to a table without versions: the baseline."""
    client.command("create database if not exists bench")
    client.command("drop table if exists bench.plain sync")
    client.command(
        "create table bench.plain engine = MergeTree partition by toYYYYMM(open_time) "
        f"order by (instrument_id, timeframe, open_time) as select {_COLUMNS} from marts.bars limit 0"
    )
    client.command(
        f"insert into bench.plain select {_COLUMNS} from marts.bars final where {shown_at(PIN)}",
        settings={"max_partitions_per_insert_block": 0, "max_insert_threads": 1},
    )
    client.command("optimize table bench.plain final")


def reads(client: Client, situation: str) -> dict[str, float]:
    """Read one year of a series in each way; ratios to the plain table."""
    where = (
        "instrument_id = 'okx:spot:ETH/USDT' and timeframe = '1m' "
        "and open_time >= '2018-01-01' and open_time < '2019-01-01'"
    )
    wanted = "select open_time, open, high, low, close, volume from"
    queries = {
        "plain": f"{wanted} bench.plain where {where}",
        "v_bars_at": f"{wanted} marts.v_bars_at(snapshot_id = 's{PIN}') where {where}",
        "v_bars": f"{wanted} marts.v_bars where snapshot_id = 's{PIN}' and {where}",
    }
    if situation == "2000 pins":
        newest = {name: query.replace(f"'s{PIN}'", "'s2000'") for name, query in queries.items()}
        queries = {**newest, "v_bars_at old": queries["v_bars_at"]}
    times = timed(client, queries)
    wall, cpu = times["plain"]
    figures: dict[str, float] = {f"plain ms, {situation}": round(wall, 1)}
    for name, (its_wall, its_cpu) in times.items():
        print(
            f"{situation:12} {name:14} {its_wall:8.1f} ms ({its_wall / wall:4.2f})  "
            f"CPU {its_cpu:8.1f} ms ({its_cpu / cpu:4.2f})"
        )
        figures[f"{name} / plain, {situation}"] = round(its_wall / wall, 2)
        figures[f"{name} / plain CPU, {situation}"] = round(its_cpu / cpu, 2)
    return figures


def builds(settings: Settings, client: Client) -> dict[str, float]:
    """Three builds, each with one fully revised day of six series: medians of seconds and CPU by model."""
    seconds: dict[str, list[float]] = {}
    spent: list[float] = []
    for number in range(3):
        land_day(client, day=15 + number)
        began = client.command("select toString(now64(6))")
        variables = {**snapshot_build.claim_variables(settings), "snapshot_id": f"s{SNAPSHOTS + 2 + number}"}
        built = dbt.run(settings, "run", variables, "--select", *_NODES)
        assert built.exit_code == 0, built.errors
        for node in built.nodes:
            seconds.setdefault(node.name, []).append(node.seconds)
        client.command("system flush logs query_log")
        spent.append(
            client.query(
                "select sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1e6 "
                "from system.query_log where type = 'QueryFinish' and user = 'transform' "
                "and query_start_time_microseconds >= {began:DateTime64(6)}",
                parameters={"began": began},
            ).result_rows[0][0]
        )
    figures = {
        f"build {name} s": round(statistics.median(values), 2) for name, values in seconds.items() if name in _NODES
    }
    figures["build server CPU s"] = round(statistics.median(spent), 2)
    print("  ".join(f"{name} {value}" for name, value in figures.items()))
    return figures


_NODES = ("bars", "snapshot_manifest", "snapshots")
# As each build creates them: beyond a number of snapshots they leave out archived ones.
_VIEWS = ("v_bars", "v_funding", "v_instruments", "v_fear_greed")


def land_day(client: Client, day: int) -> None:
    """Land one day of 1m bars of every Binance series, with new values, in raw pages of 720 bars."""
    client.command(
        """
        insert into raw.binance__spot_klines (page_id, venue, market, symbol, venue_symbol, timeframe, lane, endpoint,
            request_params, window_start, window_end, http_status, fetched_at, server_time, row_count, payload)
        with toDateTime64({day:String}, 3, 'UTC') + interval half * 12 hour as first
        select generateUUIDv4(), 'binance', 'spot', symbol, symbol, '1m', 'rest', '/bench', '{}', first,
            first + interval 12 hour, 200, now64(6), now64(3), 720,
            toJSONString(arrayMap(i -> tuple(toUnixTimestamp64Milli(first) + i * 60000, '100', '101', '99',
                toString(100 + i / 1000), '2', toUnixTimestamp64Milli(first) + i * 60000 + 59999, '200', 7),
                range(720)))
        from (select arrayJoin({symbols:Array(String)}) as symbol, arrayJoin([0, 1]) as half)
        """,
        parameters={"symbols": list(generated_bars.SYMBOLS), "day": f"2018-12-{day} 00:00:00"},
    )


def timed(client: Client, queries: dict[str, str]) -> dict[str, tuple[float, float]]:
    """Medians of (server time, CPU time) in ms of each query, interleaved."""
    ids: dict[str, list[str]] = {name: [] for name in queries}
    for _ in range(REPETITIONS):
        for name, query in queries.items():
            ids[name].append(str(uuid.uuid4()))
            client.raw_query(f"{query} format Null", settings={"query_id": ids[name][-1]})
    client.command("system flush logs query_log")
    return {name: _medians(client, names) for name, names in ids.items()}


def _medians(client: Client, ids: list[str]) -> tuple[float, float]:
    rows = client.query(
        "select dateDiff('microsecond', query_start_time_microseconds, event_time_microseconds) / 1000, "
        "(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1000 "
        "from system.query_log where type = 'QueryFinish' and query_id in {ids:Array(String)}",
        parameters={"ids": ids},
    ).result_rows
    return statistics.median(row[0] for row in rows), statistics.median(row[1] for row in rows)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or (2, 36))
