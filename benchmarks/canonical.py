"""From raw pages to versioned canonical bars: bars per second of a build, by wall and CPU time of the server.

`python -m benchmarks.canonical [MONTHS]`: pages of 1m bars of 18 spot series, in each venue's own format, are written
directly into raw; the build then parses, casts, compares with existing rows and writes the mart. Three points in time
are measured: every row is in the mart with its version (pages marked done); its partitions are merged, for fast reads;
a snapshot of it, with manifest, is published. Then the same pages land again, which must add nothing. The baseline is
the minimum of work: explode and cast, into a plain table. dbt's startup, before the model's first statement, is
excluded; its work between statements is not.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client

from benchmarks import generated_bars
from benchmarks.built_warehouse import built_warehouse
from mdw.publishing import dbt, snapshot_build
from warehouse.settings import Settings

_ROW = {
    "binance": "tuple(ms, o, h, l, c, v, ms + 59999, q, 17, v, q, '0')",
    "okx": "tuple(toString(ms), o, h, l, c, v, q, q, '1')",
    "bybit": "tuple(toString(ms), o, h, l, c, v, q)",
}
_BODY = {
    "binance": "toJSONString({rows})",
    "okx": """concat('{{"code":"0","msg":"","data":', toJSONString(arrayReverse({rows})), '}}')""",
    "bybit": """concat('{{"retCode":0,"retMsg":"OK","result":{{"category":"spot","symbol":"X","list":',
        toJSONString(arrayReverse({rows})), '}},"time":0}}')""",
}
_TABLE = {"binance": "binance__spot_klines", "okx": "okx__spot_candles", "bybit": "bybit__spot_klines"}
_BARS = {"binance": 1000, "okx": 300, "bybit": 1000}
# Sums of sines, formatted as venues format prices: decimal text.
_PAGES = """
insert into raw.{table} (page_id, venue, market, symbol, venue_symbol, timeframe, lane, endpoint, request_params,
    window_start, window_end, http_status, fetched_at, server_time, row_count, payload)
with
    toUnixTimestamp64Milli(toDateTime64('{start}', 3, 'UTC')) + number * {bars} * 60000 as first,
    arrayMap(i -> (
        first + i * 60000 as ms,
        60000 + 900 * sin(ms / 7e8 + s) + cityHash64(ms, s) % 1000 / 100 as price,
        toString(round(price, 2)) as o, toString(round(price + 7.31, 2)) as h, toString(round(price - 6.87, 2)) as l,
        toString(round(price + 1.17, 2)) as c, toString(cityHash64(ms) % 1000000 / 100000) as v,
        toString(round(price * 7, 4)) as q, {row}).9, range({bars})) as bars
select generateUUIDv4(), '{venue}', 'spot', symbols[s], symbols[s], '1m', 'rest', '/bench', '{{}}',
    fromUnixTimestamp64Milli(first), fromUnixTimestamp64Milli(first + {bars} * 60000), 200, now64(6), now64(3), {bars},
    {body}
from (select {symbols} as symbols, arrayJoin(range(1, 7)) as s, number from numbers({pages}))
"""
# The minimum of work for any format: explode, cast, write.
_MINIMUM = """
insert into bench.least
select symbol, fromUnixTimestamp64Milli(toInt64(bar.1), 'UTC'), toFloat64(bar.2), toFloat64(bar.3), toFloat64(bar.4),
    toFloat64(bar.5), toFloat64(bar.6)
from raw.{table}
array join JSONExtract(payload, {path}'Array(Tuple(String, String, String, String, String, String))') as bar
settings precise_float_parsing = 1
"""
# From the start of the first such statement to the end of the last one with the condition.
_SPENT = """
with
    (select min(query_start_time_microseconds) from system.query_log
        where type = 'QueryFinish' and {first} and query_start_time_microseconds >= {{began:DateTime64(6)}}) as first,
    (select max(event_time_microseconds) from system.query_log
        where type = 'QueryFinish' and {last} and query_start_time_microseconds >= {{began:DateTime64(6)}}) as last
select
    dateDiff('millisecond', first, last) / 1000,
    sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1e6
from system.query_log
where type = 'QueryFinish' and query_start_time_microseconds >= first and event_time_microseconds <= last
"""
_LOAD = "query_kind = 'Insert'"
_MODEL = """query like '%"model.market_data.bars"%'"""
# Stages of a build, and the statement that ends each.
_BUILD = {
    "in the mart": "query like '%insert into ops.build_pages%done = 0%' and query like '%version, 1 from%'",
    "merged": "query_kind in ('Optimize', 'ParallelWithQuery', 'Drop') and query like '%`bars%'",
    "published": "query_kind = 'Insert' and query like '%marts%snapshots%'",
}
_PATH = {"binance": "", "okx": "'data', ", "bybit": "'result', 'list', "}


def main(months: int = 6) -> None:
    """Print the results as one line of JSON."""
    with built_warehouse() as (settings, client):
        print(json.dumps(measure(settings, client, months * 30 * 1440)))


def measure(settings: Settings, client: Client, minutes: int) -> dict[str, object]:
    """Seconds and M bars/s of the build, of a second build of the same pages, and of the minimum of work."""
    write_pages(client, minutes)
    spans: dict[str, tuple[float, float]] = {}
    with watched(client, spans, "build", _MODEL, _BUILD):
        build(settings)
    bars = int(str(client.command("select count() from marts.bars")))
    client.command("create database if not exists bench")
    client.command(
        "create table bench.least (symbol LowCardinality(String), open_time DateTime64(3, 'UTC'), o Float64, "
        "h Float64, l Float64, c Float64, v Float64) "
        "engine = MergeTree partition by toYYYYMM(open_time) order by (symbol, open_time)"
    )
    with watched(client, spans, "the least", _LOAD, {"written": _LOAD}):
        for venue, table in _TABLE.items():
            client.command(_MINIMUM.format(table=table, path=_PATH[venue]))
    write_pages(client, minutes)
    with watched(client, spans, "the same again", _MODEL, _BUILD):
        build(settings)
    assert int(str(client.command("select count() from marts.bars"))) == bars
    figures = {
        name: {
            "s": round(wall, 2),
            "M bars/s": round(bars / 1e6 / wall, 2),
            "M bars/s by CPU, two cores": round(bars / 5e5 / cpu, 2),
        }
        for name, (wall, cpu) in spans.items()
    }
    return {"bars": bars, **figures, "load": os.getloadavg()[0]}


def write_pages(client: Client, minutes: int) -> None:
    """Write pages that cover this many minutes of each series, not yet built."""
    for venue, table in _TABLE.items():
        rows = _BODY[venue].format(rows="bars")
        client.command(
            _PAGES.format(
                table=table,
                venue=venue,
                row=_ROW[venue],
                body=rows,
                bars=_BARS[venue],
                pages=minutes // _BARS[venue],
                symbols=list(generated_bars.SYMBOLS),
                start="2024-01-01 00:00:00",
            ),
            settings={"max_block_size": 100},
        )


def build(settings: Settings) -> None:
    """The model, its manifest and the publication, without the audits."""
    done = dbt.run(
        settings, "run", snapshot_build.claim_variables(settings), "--select", "bars", "snapshot_manifest", "snapshots"
    )
    assert done.exit_code == 0, done.errors


@contextmanager
def watched(
    client: Client, spans: dict[str, tuple[float, float]], name: str, first: str, moments: dict[str, str]
) -> Iterator[None]:
    """Record wall and CPU seconds of the server from the start of the `first` statement to the end of each stage.

    Both are conditions on statements; the last match ends a stage. CPU is that of every statement up to then.
    """
    began = str(client.command("select toString(now64(6))"))
    yield
    client.command("system flush logs query_log")
    for moment, last in moments.items():
        wall, cpu = client.query(_SPENT.format(first=first, last=last), parameters={"began": began}).result_rows[0]
        spans[f"{name}: {moment}"] = (wall, cpu)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
