"""The SDK compared with what a quant would use instead: `python -m benchmarks.sdk --months 36 --peers PYTHON`.

The peers (DuckDB, ArcticDB, polars) are no dependencies of this project. They live in an environment of their own:

    python -m venv peers
    peers/bin/pip install duckdb arcticdb polars pandas psutil pyarrow clickhouse-connect

Without `--peers` this interpreter is used, and peers that it does not have are left out and named. `--home` keeps the
warehouse and the files of the peers for the next run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import iceberg
from mdw.publishing import dbt
from warehouse import embedded
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.project import PROJECT
from warehouse.settings import Settings

ROUNDS = 15


def main() -> None:
    """Make the warehouse if it does not exist, then run benchmarks/sdk_peers.py against it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=12, help="of 18 series of 1m bars (default 12; 36: 28 M bars)")
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
                _fill(settings, arguments.months)
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


def _fill(settings: Settings, months: int) -> None:
    migrate(settings)
    done = dbt.run(settings, "run-operation", {"snapshot_id": "base"}, sub=("create_marts",))
    assert done.exit_code == 0, done.errors
    with connect(settings, "admin") as client:
        iceberg.fill(client, months)
    iceberg.publish(settings, "base")


if __name__ == "__main__":
    main()
