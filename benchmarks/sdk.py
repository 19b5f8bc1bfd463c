"""The SDK compared with what a quant would use instead: `python -m benchmarks.sdk --years 3 --peers PYTHON`.

The peers (DuckDB, ArcticDB, polars) are no dependencies of this project. They live in an environment of their own:

    python -m venv peers
    peers/bin/pip install duckdb arcticdb polars pandas psutil pyarrow xxhash clickhouse-connect

Without `--peers` this interpreter is used, and peers that it does not have are left out and named. `--home` keeps the
warehouse and the files of the peers for the next run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mdw.publishing import snapshot_build
from warehouse import embedded
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.project import PROJECT
from warehouse.settings import Settings

ROUNDS = 15
FIRST_YEAR = 2021
_SERIES = [
    (venue, symbol)
    for venue in ("binance", "okx", "bybit")
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "SOL/BTC", "ETH/BTC")
]
# Prices of four decimals that wander, volumes of five: they compress about as real ones do.
_FILL = """
insert into marts.bars (instrument_id, venue, market, symbol, timeframe, open_time, open, high, low, close, volume,
    quote_volume, trade_count, source, ingested_at, valid_from_version)
with
    toDateTime64('{year}-01-01 00:00:00', 3, 'UTC') as start,
    (minute -> 100 * (1 + 0.3 * sin(minute / 97003 + {phase}) + 0.02 * sin(minute / 1013))
        + (cityHash64(minute, {phase}) % 400) / 10000) as price
select '{venue}:spot:{symbol}', '{venue}', 'spot', '{symbol}', '1m', addMinutes(start, number) as opens,
    round(price(number), 4) as o, round(greatest(o, c) * 1.0002, 4), round(least(o, c) * 0.9998, 4),
    round(price(number + 1), 4) as c, round((cityHash64(number, {phase}, 'v') % 10000000) / 100000, 5) as base,
    round(base * c, 7), cityHash64(number, {phase}, 'n') % 3000, 'rest', addSeconds(opens, 61), {version}
from numbers(toUInt64(dateDiff('minute', start, addYears(start, 1))))
"""


def main() -> None:
    """Make the warehouse if it does not exist, then run benchmarks/sdk_peers.py against it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=1, help="of 18 series of 1m bars (default 1; 3: 28 M bars)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peers", type=Path, default=Path(sys.executable), help="the Python that has the peers")
    parser.add_argument("--home", type=Path, help="folder that is kept and used again")
    parser.add_argument("--only", nargs="*", default=[], help="titles of comparisons, or parts of them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.home or Path(temporary)).absolute()
        settings = Settings(home=folder / "mdw", clickhouse_url=None)
        is_filled = (folder / "filled").exists()
        embedded.up(settings)
        try:
            if not is_filled:
                fill_and_publish(settings, arguments.years)
                (folder / "filled").touch()
            found = settings.connection("researcher")
            url = f"http://{found.user}:{found.password}@{found.host}:{found.http_port}"
            # The path itself, not what it links to: an environment is found by the link.
            command = [str(arguments.peers.absolute()), "-m", "benchmarks.sdk_peers", url, str(folder)]
            done = subprocess.run(
                [*command, str(arguments.rounds), *arguments.only],
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                check=False,
            )
        finally:
            embedded.down(settings)
    sys.exit(done.returncode)


def fill_and_publish(settings: Settings, years: int) -> None:
    """Migrate, insert this many years of all series into the mart, and publish them as `base`."""
    migrate(settings)
    assert snapshot_build.build(settings, "empty").published
    with connect(settings, "admin") as client:
        version = client.query("select max(version) + 1 from ops.builds").result_rows[0][0]
        for year in range(FIRST_YEAR, FIRST_YEAR + years):
            for phase, (venue, symbol) in enumerate(_SERIES):
                values = {"year": year, "venue": venue, "symbol": symbol, "phase": phase, "version": version}
                client.command(_FILL.format(**values), settings={"max_partitions_per_insert_block": 0})
        client.command("optimize table marts.bars final")
    result = snapshot_build.build(settings, "base")
    assert result.published, (result.failures, result.notices)


if __name__ == "__main__":
    main()
