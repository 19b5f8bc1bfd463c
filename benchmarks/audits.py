"""All audits over many bars: the whole history, then a day's increment.

The mart is filled with SQL in the form that builds leave (one open row per bar), because landing as many pages would
take longer than what is measured. Times are dbt's own for the nodes of the audits
(models/quality/results and their tests), without its startup.
"""

import argparse
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from clickhouse_connect.driver.client import Client

from benchmarks.built_warehouse import built_warehouse
from mdw.publishing import snapshot_build
from mdw.publishing.dbt import target
from mdw.quality import audit_runs
from warehouse.settings import Settings

START = datetime(2021, 1, 1, tzinfo=UTC)
_SERIES = [(venue, coin) for venue in ("binance", "okx", "bybit") for coin in ("BTC", "ETH", "SOL", "XRP")]
_SERIES += [(venue, pair) for venue in ("binance", "okx", "bybit") for pair in ("SOL/BTC", "ETH/BTC")]

# A path that all venues share by symbol and minute, with a small difference per venue: from hashes of the minute.
_FILL = """
insert into marts.bars (instrument_id, venue, market, symbol, timeframe, open_time, open, high, low, close, volume,
    quote_volume, trade_count, source, ingested_at, valid_from_version)
with
    {first} + number as n,
    100 * (1 + 0.3 * sin(n / 97003 + {phase}) + 0.02 * sin(n / 1013) + 0.002 * sin(n / 17)) as mid,
    100 * (1 + 0.3 * sin((n + 1) / 97003 + {phase}) + 0.02 * sin((n + 1) / 1013) + 0.002 * sin((n + 1) / 17)) as next,
    (cityHash64('{venue}', n) % 100) / 1000000 as noise
select '{venue}:spot:{symbol}', '{venue}', 'spot', '{symbol}', '{timeframe}',
    addMilliseconds(toDateTime64('2021-01-01 00:00:00', 3, 'UTC'), n * {step}) as opens,
    round(mid * (1 + noise), 4) as o, greatest(o, c) * 1.0001, least(o, c) * 0.9999, round(next * (1 + noise), 4) as c,
    1 + cityHash64(n) % 100 as base, base * (o + c) / 2, 10, 'rest',
    addMilliseconds(opens, {step} + 1000), {version}
from numbers({count})
"""


# Native hourly bars that equal their minutes.
_HOURS = """
insert into marts.bars (instrument_id, venue, market, symbol, timeframe, open_time, open, high, low, close, volume,
    quote_volume, trade_count, source, ingested_at, valid_from_version)
select instrument_id, any(b.venue), any(b.market), any(b.symbol), '1h', toStartOfHour(b.open_time) as hour,
    argMin(b.open, b.open_time), max(b.high), min(b.low), argMax(b.close, b.open_time), sum(b.volume),
    sum(b.quote_volume), sum(b.trade_count), 'rest', max(b.ingested_at), {version}
from marts.bars as b where b.timeframe = '1m' and b.valid_from_version = {version} group by instrument_id, hour
"""


def fill(client: Client, first_day: int, days: int, version: int) -> int:
    """Insert 1m bars of 18 series and their 1h bars as version `version`; returns the number of rows."""
    step, many = 60_000, {"max_partitions_per_insert_block": 0}
    count, first = days * 86_400_000 // step, first_day * 86_400_000 // step
    for venue, pair in _SERIES:
        symbol = pair if "/" in pair else f"{pair}/USDT"
        values = {"venue": venue, "symbol": symbol, "timeframe": "1m", "step": step, "count": count, "first": first}
        client.command(_FILL.format(**values, phase=len(symbol), version=version), settings=many)
    client.command(_HOURS.format(version=version), settings=many)
    return len(_SERIES) * (count + count // 60)


def next_version(client: Client) -> int:
    """Number of the next build."""
    return int(client.query("select max(version) + 1 from ops.builds").result_rows[0][0])


def node_seconds(settings: Settings) -> dict[str, float]:
    """Wall time from the first to the last audit node, and the slowest models."""
    results = json.loads((target(settings) / "run_results.json").read_text())["results"]
    spans = []
    slow = {}
    for result in results:
        name = result["unique_id"].split(".")[2]
        if "dq_" in result["unique_id"] or result["unique_id"].startswith("test."):
            for timing in result["timing"]:
                if timing["name"] == "execute":
                    spans.append((timing["started_at"], timing["completed_at"]))
            if result["unique_id"].startswith("model."):
                slow[name] = round(result["execution_time"], 2)
    edges = [[datetime.fromisoformat(text) for text in pair] for pair in spans]
    wall = (max(end for _, end in edges) - min(start for start, _ in edges)).total_seconds()
    return {"wall": round(wall, 2), **slow}


def main() -> None:
    """Print the results and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=1095)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with built_warehouse(now=datetime(2024, 6, 1, tzinfo=UTC)) as (settings, client):
        began = time.monotonic()
        rows = fill(client, 0, arguments.days, 2)
        client.command("optimize table marts.bars final")
        print(f"{rows:,} bars written in {time.monotonic() - began:.1f} s")
        first = snapshot_build.build(settings, "history")
        print("publication of the history:", first.published, [failure[0] for failure in first.failures])
        full = audit_runs.run(settings, full=True)
        found = {"load": os.getloadavg(), "bars": rows, "full": node_seconds(settings), "full_counts": full.counts}
        fill(client, arguments.days, 1, next_version(client))
        # A typical day: the previous snapshot changed one day, not the history.
        assert snapshot_build.build(settings, "yesterday").published
        found["day_bars"] = fill(client, arguments.days + 1, 1, next_version(client))
        day = audit_runs.run(settings)
        found |= {"day": node_seconds(settings), "day_counts": day.counts, "load_after": os.getloadavg()}
        print(json.dumps(found, indent=2, default=str))
        if arguments.json:
            arguments.json.write_text(json.dumps(found, indent=2, default=str))


if __name__ == "__main__":
    main()
