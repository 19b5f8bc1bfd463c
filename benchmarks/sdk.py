"""The SDK compared with what a quant would use instead: `python -m benchmarks.sdk [MONTHS]`.

One run with interleaved candidates; medians of 15, and their ratios. Peers that are not installed (duckdb, polars,
arcticdb) are named and left out.
"""

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clickhouse_connect
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

import alphaforge_data
from alphaforge_data import queries, times, views
from alphaforge_data.cache import store
from benchmarks import iceberg
from mdw.publishing import dbt
from warehouse import embedded
from warehouse.client import connect
from warehouse.migrate import migrate
from warehouse.settings import Settings

ROUNDS = 15
READERS = 16
ONE = "binance:spot:BTC/USDT"
IDS = [f"{venue}:spot:{symbol}" for venue in iceberg.VENUES for symbol in iceberg.SYMBOLS]
COLUMNS = ["open_time", "open", "high", "low", "close", "volume"]
YEAR = f"{iceberg.FIRST_YEAR}-01-01", f"{iceberg.FIRST_YEAR + 1}-01-01"
MONTH = f"{iceberg.FIRST_YEAR}-01-01", f"{iceberg.FIRST_YEAR}-02-01"
Candidates = dict[str, Callable[[], object]]


def main(months: int = 12) -> None:
    """Print one table per comparison and one line of JSON."""
    absent = [name for name in ("duckdb", "polars", "arcticdb") if importlib.util.find_spec(name) is None]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "mdw", clickhouse_url=None)
        embedded.up(settings)
        try:
            migrate(settings)
            done = dbt.run(settings, "run-operation", {"snapshot_id": "base"}, sub=("create_marts",))
            assert done.exit_code == 0, done.errors
            with connect(settings, "admin") as client:
                iceberg.fill(client, months)
            iceberg.publish(settings, "base")
            figures = _Comparison(settings, Path(folder)).measure()
        finally:
            embedded.down(settings)
    print(json.dumps({**figures, "months": months, "absent": absent, "load": os.getloadavg()[0]}))


class _Comparison:
    """The same bars through every candidate."""

    def __init__(self, settings: Settings, folder: Path):
        found = settings.connection("researcher")
        self.url = f"http://{found.user}:{found.password}@{found.host}:{found.http_port}"
        self.driver: Any = clickhouse_connect.get_client(
            host=found.host, port=found.http_port, username=found.user, password=found.password, compress=False
        )
        self.plain = alphaforge_data.connect(self.url, snapshot_id="base", cache=False)
        self.cached = alphaforge_data.connect(self.url, snapshot_id="base", cache=folder / "cache")
        self.parquet = folder / "parquet"
        self.folder = folder
        self.parquet.mkdir()
        for one in IDS:
            table = self.bars(self.plain, one)
            pq.write_table(table, self.path(one), compression="zstd")

    def path(self, one: str) -> Path:
        """The Parquet file of a series."""
        return self.parquet / f"{one.replace(':', '_').replace('/', '-')}.parquet"

    def bars(self, client: alphaforge_data.Client, ids: str | list[str], window: tuple[str, str] = YEAR) -> pa.Table:
        """Six columns of one-minute bars."""
        return client.bars(instruments=ids, timeframe="1m", start=window[0], end=window[1], columns=COLUMNS).to_arrow()  # type: ignore[arg-type]

    def streamed(self, ids: list[str], window: tuple[str, str]) -> pa.Table:
        """The SDK's own query, streamed over HTTP into Arrow, without any checks."""
        start, end = (times.milliseconds("t", bound) for bound in window)
        query = queries.series(views.BARS, COLUMNS, "base", ids, "1m", (start, end))
        settings = {"output_format_arrow_compression_method": "none"}
        response = self.driver.raw_stream(query.text, parameters=query.parameters, fmt="ArrowStream", settings=settings)
        with response:
            return pa.ipc.open_stream(response).read_all()

    def verified(self) -> pa.Table:
        """A cached read as in a new process: every file is checked against its checksum."""
        store._verified.clear()
        return self.bars(self.cached, ONE)

    def measure(self) -> dict[str, float]:
        """All comparisons."""
        self.bars(self.cached, IDS)
        series: Candidates = {
            "plain streamed": lambda: self.streamed([ONE], YEAR),
            "SDK uncached": lambda: self.bars(self.plain, ONE),
            "SDK cached, checksums verified": self.verified,
            "SDK cached": lambda: self.bars(self.cached, ONE),
            "pyarrow on Parquet": lambda: pq.read_table(self.path(ONE), columns=COLUMNS),
        }
        frames: Candidates = {"SDK to pandas": lambda: self.plain_frame().to_pandas()}
        resampled: Candidates = {"SDK, 1m to 1d": lambda: self.plain.bars(instruments=IDS, timeframe="1d")}
        if importlib.util.find_spec("duckdb"):
            import duckdb

            files = str(self.parquet / "*.parquet")
            series["DuckDB on Parquet"] = lambda: duckdb.sql(
                f"select {', '.join(COLUMNS)} from '{self.path(ONE)}' order by open_time"
            ).to_arrow_table()
            resampled["DuckDB on Parquet, 1m to 1d"] = lambda: duckdb.sql(
                f"select filename, time_bucket(interval 1 day, open_time) as day, arg_min(open, open_time), max(high), "
                f"min(low), arg_max(close, open_time), sum(volume) from read_parquet('{files}', filename = true) "
                "group by all order by all"
            ).to_arrow_table()
        if importlib.util.find_spec("polars"):
            frames["SDK to polars"] = lambda: self.plain_frame().to_polars()
        if importlib.util.find_spec("arcticdb"):
            library = self._arctic()
            series["ArcticDB at a snapshot, pandas"] = lambda: library.read("one", as_of="base").data
            frames["ArcticDB at a snapshot, pandas"] = series["ArcticDB at a snapshot, pandas"]
        many: Candidates = {
            "one streamed query": lambda: self.streamed(IDS, MONTH),
            "SDK uncached": lambda: self.bars(self.plain, IDS, MONTH),
        }
        figures: dict[str, float] = {}
        for title, candidates in (
            ("one series, one year, to Arrow", series),
            ("18 series, one month, to Arrow", many),
            ("one series, one year, to frames (SDK cached)", frames),
            ("everything, 1m to 1d", resampled),
        ):
            figures |= _compared(title, candidates)
        return figures | self._concurrent() | self._memory()

    def plain_frame(self) -> alphaforge_data.Frame:
        """A cached read as a Frame."""
        return self.cached.bars(instruments=ONE, timeframe="1m", start=YEAR[0], end=YEAR[1], columns=COLUMNS)  # type: ignore[arg-type]

    def _arctic(self) -> Any:
        import arcticdb

        library = arcticdb.Arctic(f"lmdb://{self.folder / 'arctic'}").create_library("bars")
        library.write("one", self.bars(self.plain, ONE).to_pandas().set_index("open_time").tz_localize(None))
        library.snapshot("base")
        return library

    def _concurrent(self) -> dict[str, float]:
        candidates: Candidates = {
            "pyarrow on Parquet": lambda: pq.read_table(self.path(ONE), columns=COLUMNS),
            "SDK cached": lambda: self.bars(self.cached, ONE),
            "SDK uncached": lambda: self.bars(self.plain, ONE),
        }
        figures = {}
        for name, read in candidates.items():
            taken: list[float] = []

            def reader(read: Callable[[], object] = read, taken: list[float] = taken) -> None:
                for _ in range(4):
                    taken.append(_seconds(read))

            threads = [threading.Thread(target=reader) for _ in range(READERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(taken) == READERS * 4
            figures[f"p95 ms of {READERS} readers: {name}"] = round(statistics.quantiles(taken, n=20)[-1] * 1e3, 1)
        base = figures[f"p95 ms of {READERS} readers: pyarrow on Parquet"]
        for name, value in figures.items():
            print(f"{name:70} {value:9.1f} ms  {value / base:5.2f}")
        return figures

    def _memory(self) -> dict[str, float]:
        process = psutil.Process()
        peaks: list[float] = []
        for frame in self.plain.iter_bars(instruments=IDS, timeframe="1m", columns=COLUMNS, chunk="month"):  # type: ignore[arg-type]
            assert len(frame)
            del frame
            peaks.append(process.memory_info().rss / 1e6)
        growth = peaks[-1] - peaks[min(2, len(peaks) - 1)]
        print(f"iter_bars: {peaks[0]:.0f} MB after the first month, {peaks[-1]:.0f} MB after the last of {len(peaks)}")
        return {"iter_bars MB, growth after the third month": round(growth, 1)}


def _compared(title: str, candidates: Candidates) -> dict[str, float]:
    """Medians in ms of interleaved candidates; the first one is the base of the ratios."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for read in candidates.values():
        read()
    for _ in range(ROUNDS):
        for name, read in candidates.items():
            taken[name].append(_seconds(read))
    medians = {name: statistics.median(values) * 1e3 for name, values in taken.items()}
    base = next(iter(medians.values()))
    print(f"{title} (load {os.getloadavg()[0]:.1f})")
    for name, value in medians.items():
        print(f"  {name:68} {value:9.1f} ms  {value / base:5.2f}")
    return {f"{title}: {name}, ms": round(value, 1) for name, value in medians.items()}


def _seconds(read: Callable[[], object]) -> float:
    began = time.perf_counter()
    read()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
