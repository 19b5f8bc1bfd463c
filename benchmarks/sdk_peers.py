"""The comparison that benchmarks/sdk.py starts. It imports nothing of this project but the SDK.

`python -m benchmarks.sdk_peers URL FOLDER ROUNDS [TITLE …]`: candidates of a comparison take turns, and medians are
compared. Every candidate returns the same rows, which is asserted before anything is measured.
"""

import importlib.util
import json
import os
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import clickhouse_connect
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

import alphaforge_data
from alphaforge_data import queries, times, views
from alphaforge_data.address import find
from alphaforge_data.cache import container, store

READERS = 16
READS = 6
ONE = "binance:spot:BTC/USDT"
COLUMNS = ["open_time", "open", "high", "low", "close", "volume"]
Window = tuple[str, str]
YEAR: Window = ("2021-01-01", "2022-01-01")
MONTH: Window = ("2021-02-01", "2021-03-01")
Candidates = dict[str, Callable[[], Any]]


def measure(url: str, folder: Path, rounds: int, only: Sequence[str]) -> None:
    """Print one table per comparison, then one line of JSON."""
    here = Comparison(url, folder)
    figures: dict[str, Any] = {"load before": os.getloadavg()[0], "bars": here.count(), "absent": here.absent}
    print(f"{figures['bars']:,} bars; load {figures['load before']:.1f}; absent: {', '.join(here.absent) or 'nothing'}")
    for title, every in here.comparisons():
        candidates = {name: read for name, read in every.items() if not any(peer in name for peer in here.absent)}
        if not only or any(word in title for word in only):
            figures[title] = compared(title, candidates, rounds)
    for title, found in (("readers", here.readers), ("memory", here.memory)):
        if not only or title in only:
            figures[title] = found()
    print(json.dumps({**figures, "load after": os.getloadavg()[0]}))


class Comparison:
    """The same bars through every candidate."""

    def __init__(self, url: str, folder: Path):
        self.url, self.folder = url, folder
        # Each peer by the name that candidates have.
        self.absent = [name for name in ("DuckDB", "polars", "ArcticDB") if not importlib.util.find_spec(name.lower())]
        place = find(url)
        self.driver: Any = clickhouse_connect.get_client(
            host=place.host, port=place.port, username=place.user, password=place.password, compress=False
        )
        self.plain = alphaforge_data.connect(url, snapshot_id="base", cache=False)
        self.cached = alphaforge_data.connect(url, snapshot_id="base", cache=folder / "cache")
        self.ids = [row["instrument_id"] for row in self._series()]
        self.parquet = folder / "parquet"
        self._fill()

    def count(self) -> int:
        """Number of bars in the warehouse."""
        return sum(row["rows"] for row in self._series())

    def path(self, one: str) -> Path:
        """The Parquet file of a series."""
        return self.parquet / f"{one.replace(':', '_').replace('/', '-')}.parquet"

    def frame(
        self, client: alphaforge_data.Client, ids: str | list[str] = ONE, window: Window = YEAR
    ) -> alphaforge_data.Frame:
        """Six columns of one-minute bars."""
        request: Any = {"instruments": ids, "timeframe": "1m", "columns": COLUMNS}
        bars: alphaforge_data.Frame = client.bars(**request, start=window[0], end=window[1])
        return bars

    def streamed(self, ids: list[str], window: Window) -> pa.Table:
        """The SDK's own query, streamed over HTTP into Arrow by the driver, without any check."""
        start, end = (times.milliseconds("t", bound) for bound in window)
        query = queries.series(views.BARS, COLUMNS, "base", ids, "1m", (start, end))
        settings = {"output_format_arrow_compression_method": "none"}
        response = self.driver.raw_stream(query.text, parameters=query.parameters, fmt="ArrowStream", settings=settings)
        with response:
            return pa.ipc.open_stream(response).read_all()

    def first(self, ids: str | list[str] = ONE, window: Window = YEAR) -> pa.Table:
        """A read that finds nothing in the cache, and fills it."""
        shutil.rmtree(self.folder / "first", ignore_errors=True)
        client = alphaforge_data.connect(self.url, snapshot_id="base", cache=self.folder / "first")
        return self.frame(client, ids, window).to_arrow()

    def verified(self) -> pa.Table:
        """A cached read as the first one of a process: every file is checked against its checksum."""
        store._verified.clear()
        self._unmap()
        return self.frame(self.cached).to_arrow()

    @contextmanager
    def unverified(self) -> Iterator[None]:
        """The cache without checksums, as it was before."""
        read = container.read
        container.read = lambda path, verify: read(path, verify=False)
        try:
            yield
        finally:
            container.read = read

    def without_checks(self) -> pa.Table:
        """A cached read that maps every file and verifies nothing."""
        self._unmap()
        with self.unverified():
            return self.frame(self.cached).to_arrow()

    def _unmap(self) -> None:
        files = self.cached._reader.store
        assert files is not None
        files._mapped.clear()

    def comparisons(self) -> Iterator[tuple[str, Candidates]]:
        """Titles and candidates; the first one is the base of the ratios."""
        yield (
            "one series, one year, from the server",
            {
                "the same query streamed over HTTP": lambda: self.streamed([ONE], YEAR),
                "SDK without a cache": lambda: self.frame(self.plain).to_arrow(),
                "SDK, filling its cache": self.first,
                "DuckDB on Parquet": self.duck,
                "pyarrow on Parquet": self.arrow,
            },
        )
        yield (
            "18 series, one month, from the server",
            {
                "one query streamed over HTTP": lambda: self.streamed(self.ids, MONTH),
                "SDK without a cache": lambda: self.frame(self.plain, self.ids, MONTH).to_arrow(),
                "SDK, filling its cache": lambda: self.first(self.ids, MONTH),
            },
        )
        yield (
            "one series, one year, cached, into Arrow",
            {
                "SDK, checksums never verified": self.without_checks,
                "SDK": lambda: self.frame(self.cached).to_arrow(),
                "SDK, the first read of a process": self.verified,
                "pyarrow on Parquet": self.arrow,
                "DuckDB on Parquet": self.duck,
                "ArcticDB at a snapshot": self.arctic,
            },
        )
        yield (
            "one series, one year, cached, into pandas and polars",
            {
                "ArcticDB, into pandas": self.arctic,
                "SDK, into pandas": lambda: self.frame(self.cached).to_pandas(),
                "pyarrow on Parquet, into pandas": lambda: self.arrow().to_pandas(),
                "SDK, into polars": lambda: self.frame(self.cached).to_polars(),
                "polars on Parquet": self.polars,
                "ArcticDB, into polars": self.arctic_polars,
            },
        )
        yield (
            "every series, 1m to 1d",
            {
                "DuckDB on Parquet": self.duck_days,
                "SDK": lambda: self.plain.bars(instruments=self.ids, timeframe="1d").to_arrow(),
                "polars on Parquet": self.polars_days,
            },
        )

    def arrow(self) -> pa.Table:
        """One year from the series' Parquet file."""
        bounds = [pa.scalar(times.milliseconds("t", bound)).cast(pa.timestamp("ms", "UTC")) for bound in YEAR]
        where = [("open_time", ">=", bounds[0]), ("open_time", "<", bounds[1])]
        return pq.read_table(self.path(ONE), columns=COLUMNS, filters=where)

    def duck(self) -> pa.Table:
        """One year from the series' Parquet file."""
        import duckdb

        return duckdb.sql(
            f"select {', '.join(COLUMNS)} from '{self.path(ONE)}' where open_time >= '{YEAR[0]} 00:00:00+00' "
            f"and open_time < '{YEAR[1]} 00:00:00+00' order by open_time"
        ).to_arrow_table()

    def polars(self) -> Any:
        """One year from the series' Parquet file."""
        import polars as pl

        start, end = (times.EPOCH + times.milliseconds("t", bound) * times.MILLISECOND for bound in YEAR)
        rows = pl.scan_parquet(self.path(ONE)).filter(pl.col("open_time").is_between(start, end, closed="left"))
        return rows.select(COLUMNS).collect()

    def arctic(self) -> Any:
        """One year at a snapshot, as the pandas DataFrame that ArcticDB returns."""
        return self._arctic_read().data

    def arctic_polars(self) -> Any:
        """One year at a snapshot, into polars."""
        import arcticdb
        import polars as pl

        kind = getattr(arcticdb, "OutputFormat", None)
        if kind is None or not hasattr(kind, "POLARS"):
            return pl.from_pandas(self.arctic(), include_index=True)
        return self._arctic_read(output_format=kind.POLARS).data

    def duck_days(self) -> pa.Table:
        """Daily bars of every file."""
        import duckdb

        return duckdb.sql(
            "select filename, time_bucket(interval 1 day, open_time) as day, arg_min(open, open_time), max(high), "
            "min(low), arg_max(close, open_time), sum(volume), sum(quote_volume), sum(trade_count), count(*) "
            f"from read_parquet('{self.parquet}/*.parquet', filename = true) group by all order by all"
        ).to_arrow_table()

    def polars_days(self) -> Any:
        """Daily bars of every file."""
        import polars as pl

        day = pl.col("open_time").dt.truncate("1d").alias("day")
        return (
            pl.scan_parquet(self.parquet / "*.parquet", include_file_paths="file")
            .group_by("file", day)
            .agg(
                pl.col("open").sort_by("open_time").first(),
                pl.col("high").max(),
                pl.col("low").min(),
                pl.col("close").sort_by("open_time").last(),
                pl.col("volume").sum(),
                pl.col("quote_volume").sum(),
                pl.col("trade_count").sum(),
                pl.len(),
            )
            .sort("file", "day")
            .collect()
        )

    def readers(self) -> dict[str, float]:
        """p95 of 16 readers at once, as threads of one client and as processes with a client each; ms."""
        where = str(self.path(ONE))
        kinds: dict[str, tuple[Callable[[], Any], Callable[[str, str], list[float]], str]] = {
            "pyarrow on Parquet": (self.arrow, _parquet_reads, where),
            "SDK": (lambda: self.frame(self.cached), _cached_reads, str(self.folder / "cache")),
            "SDK without a cache": (lambda: self.frame(self.plain), _uncached_reads, ""),
        }
        figures: dict[str, float] = {}
        print(f"{READERS} readers of one series-year at once, p95 (load {os.getloadavg()[0]:.1f})")
        for name, (read, reads, place) in kinds.items():
            figures[f"threads, {name}"] = _p95(_of_threads(read))
            with ProcessPoolExecutor(READERS, mp_context=get_context("spawn")) as pool:
                taken = [one for many in pool.map(reads, [self.url] * READERS, [place] * READERS) for one in many]
            assert len(taken) == READERS * READS
            figures[f"processes, {name}"] = _p95(taken)
        for name, value in figures.items():
            base = figures[f"{name.partition(',')[0]}, pyarrow on Parquet"]
            print(f"  {name:60} {value:9.1f} ms  {value / base:5.2f}")
        return figures

    def memory(self) -> dict[str, float]:
        """Resident memory after each month of all series; MB."""
        process = psutil.Process()
        figures = {}
        for name, client in (("SDK without a cache", self.plain), ("SDK", self.cached)):
            used = []
            request: Any = {"instruments": self.ids, "timeframe": "1m", "columns": COLUMNS, "chunk": "month"}
            for frame in client.iter_bars(**request):
                assert len(frame)
                del frame
                # Mapped files of the cache are not this process's own memory.
                facts = process.memory_info()
                used.append((facts.rss - facts.shared) / 1e6)
            shown = ", ".join(f"{value:.0f}" for value in used)
            print(f"iter_bars, {name}: MB after each of {len(used)} months: {shown}")
            figures[name] = round(used[-1] - used[min(2, len(used) - 1)], 1)
        return figures

    def _series(self) -> list[dict[str, Any]]:
        return [row for row in self.plain.series("bars").to_pylist() if row["timeframe"] == "1m"]

    def _arctic_read(self, **more: Any) -> Any:
        import pandas as pd

        last = pd.Timestamp(YEAR[1]) - pd.Timedelta("1min")
        return self.library.read("one", as_of="base", date_range=(pd.Timestamp(YEAR[0]), last), **more)

    def _fill(self) -> None:
        """The same rows for the peers, and a full cache."""
        wanted: Any = [*COLUMNS, "quote_volume", "trade_count"]
        self.parquet.mkdir(exist_ok=True)
        for one in self.ids:
            if not self.path(one).exists():
                bars = self.plain.bars(instruments=one, timeframe="1m", columns=wanted)
                # Without the SDK's metadata, and in pieces that a reader can skip.
                table = bars.to_arrow().replace_schema_metadata(None)
                pq.write_table(table, self.path(one), compression="zstd", row_group_size=1 << 17)
        self.frame(self.cached)
        if "ArcticDB" not in self.absent:
            import arcticdb

            where = arcticdb.Arctic(f"lmdb://{self.folder / 'arctic'}?map_size=4GB")
            self.library = where.get_library("bars", create_if_missing=True)
            if not self.library.has_symbol("one"):
                request: Any = {"instruments": ONE, "timeframe": "1m", "columns": COLUMNS}
                bars = self.plain.bars(**request)
                self.library.write("one", bars.to_pandas(index="open_time").tz_localize(None))
                self.library.snapshot("base")


def compared(title: str, candidates: Candidates, rounds: int) -> dict[str, float]:
    """Medians of the candidates in ms; the first one is the base of the ratios."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    lengths = {name: len(read()) for name, read in candidates.items()}
    assert len(set(lengths.values())) == 1, lengths
    for _ in range(rounds):
        for name, read in candidates.items():
            taken[name].append(_seconds(read))
    medians = {name: statistics.median(values) * 1e3 for name, values in taken.items()}
    base = next(iter(medians.values()))
    print(f"{title} ({next(iter(lengths.values())):,} rows, load {os.getloadavg()[0]:.1f})")
    for name, value in medians.items():
        best = min(taken[name]) * 1e3
        print(f"  {name:60} {value:9.1f} ms  {value / base:5.2f}   fastest {best:9.1f}")
    return {name: round(value, 2) for name, value in medians.items()}


def _of_threads(read: Callable[[], Any]) -> list[float]:
    taken: list[float] = []

    def reads() -> None:
        for _ in range(READS):
            taken.append(_seconds(read))

    threads = [threading.Thread(target=reads) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A reader that failed took no time.
    assert len(taken) == READERS * READS
    return taken


def _parquet_reads(url: str, path: str) -> list[float]:
    bounds = [pa.scalar(times.milliseconds("t", bound)).cast(pa.timestamp("ms", "UTC")) for bound in YEAR]
    where = [("open_time", ">=", bounds[0]), ("open_time", "<", bounds[1])]
    return [_seconds(lambda: pq.read_table(path, columns=COLUMNS, filters=where)) for _ in range(READS)]


def _cached_reads(url: str, folder: str) -> list[float]:
    return _client_reads(alphaforge_data.connect(url, snapshot_id="base", cache=folder))


def _uncached_reads(url: str, folder: str) -> list[float]:
    return _client_reads(alphaforge_data.connect(url, snapshot_id="base", cache=False))


def _client_reads(client: alphaforge_data.Client) -> list[float]:
    bars: Any = {"instruments": ONE, "timeframe": "1m", "start": YEAR[0], "end": YEAR[1], "columns": COLUMNS}
    return [_seconds(lambda: client.bars(**bars)) for _ in range(READS)]


def _p95(taken: list[float]) -> float:
    return round(statistics.quantiles(taken, n=20)[-1] * 1e3, 1)


def _seconds(read: Callable[[], Any]) -> float:
    began = time.perf_counter()
    read()
    return time.perf_counter() - began


if __name__ == "__main__":
    measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
