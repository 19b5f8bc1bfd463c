"""Spooled rows survive the reader, and above the limit they are dropped in the right order and reported."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from dlt_pipelines.core.series import Series
from dlt_pipelines.live import writer
from dlt_pipelines.live.rows import Row, Stored
from dlt_pipelines.live.spool import Batch, Spool
from warehouse.connection import Connection

BARS, QUOTES = "raw.okx__live_spot_candles", "raw.okx__live_spot_quotes"
SERIES = Series("bars", "okx", "spot", "BTC/USDT", "1m")


def row(table: str, text: str, *, quotes: bool = False) -> Row:
    return Row(table, text.encode(), "okx", None if quotes else Stored(SERIES, (0,), "socket"), quotes)


def test_complete_lines_of_a_killed_reader_are_taken_over(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from dlt_pipelines.live.spool import Spool; "
        "from dlt_pipelines.live.rows import Row; s = Spool(Path(sys.argv[1])); s.open(); "
        f"s.write([Row('{BARS}', b'one', 'okx'), Row('{BARS}', b'two', 'okx')]); "
        f"p = s.write([Row('{BARS}', b'three', 'okx')]).path; p.write_bytes(b'three\\nfou'); "
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    spool = Spool(tmp_path)
    assert spool.open() == 2
    assert [batch.path.read_bytes() for batch in spool.take(BARS)] == [b"one\ntwo\n", b"three\n"]
    spool.done(spool.take(BARS))
    spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["starting"]


def test_a_living_reader_keeps_its_folder(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    first.open()
    first.write([row(BARS, "mine")])
    assert second.open() == 0
    assert first.take(BARS)[0].path.exists()
    second.close()
    first.done(first.take(BARS))
    first.close()


def test_quotes_go_first_then_the_oldest_bars(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit_bytes=250)
    spool.open()
    for number in range(3):
        spool.write([row(BARS, f"bar {number}".ljust(79, "."))])
        spool.write([row(QUOTES, f"quote {number}".ljust(39, "."), quotes=True)])
    dropped = spool.shed("okx")
    assert [batch.quotes for batch in dropped] == [True, True, True]
    assert spool.size("okx") == 240
    spool.write([row(BARS, "bar 3".ljust(79, "."))])
    dropped = spool.shed("okx")
    assert [batch.stored[0].series for batch in dropped] == [SERIES]
    assert [batch.path.read_text()[:5] for batch in spool.batches] == ["bar 1", "bar 2", "bar 3"]
    # Events are never dropped, nor are the newest bars.
    event = spool.write([Row("ops.live_events", b"x" * 400, "okx")])
    spool.shed("okx")
    assert [batch.path.read_text()[:5] for batch in spool.batches] == ["bar 3", "xxxxx"]
    assert spool.batches[-1] is event


def test_bars_larger_than_the_limit_are_not_dropped_again_and_again(tmp_path: Path) -> None:
    """A response with many minutes replaces dropped bars: dropping it would only repeat the request."""
    spool = Spool(tmp_path, limit_bytes=250)
    spool.open()
    large = spool.write([row(BARS, "many minutes".ljust(400, "."))])
    assert spool.shed("okx") == []
    assert spool.take(BARS) == [large]
    newer = spool.write([row(BARS, "newer".ljust(400, "."))])
    assert spool.shed("okx") == [large]
    assert spool.batches == [newer]


def test_a_full_queue_and_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_ROWS", 3)
    spool, told = Spool(tmp_path / "spool"), []
    spool.open()

    async def flushed(waiting: writer.Writer) -> None:
        await waiting._flush()
        for task in waiting._senders.values():
            task.cancel()

    def dropped(batch: Batch, why: str) -> None:
        told.append((why, batch.quotes, batch.rows))
        # As the reader does.
        full.put(Row("ops.live_events", b"dropped", "okx"))

    nowhere = Connection("127.0.0.1", 9, 9, "nobody", "none")
    full = writer.Writer(nowhere, spool, None, on_stored=print, on_dropped=dropped)  # type: ignore[arg-type]
    for number in range(10):
        full.put(row(QUOTES, f"quote {number}", quotes=True))
        full.put(row(BARS, f"bar {number}"))
    # A disk that takes nothing: rows wait in memory.
    (tmp_path / "spool").rename(tmp_path / "away")
    asyncio.run(flushed(full))
    assert full.queued
    assert spool.batches == []
    (tmp_path / "away").rename(tmp_path / "spool")
    asyncio.run(flushed(full))
    asyncio.run(flushed(full))
    assert sorted(told) == [("queue", False, 10 - 4), ("queue", True, 10 - 2)]
    assert {batch.table: batch.rows for batch in spool.batches} == {BARS: 4, QUOTES: 2, "ops.live_events": 2}


def test_a_batch_is_synced_before_it_counts(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.open()
    batch = spool.write([row(BARS, "one"), row(BARS, "two")])
    assert batch.rows == 2
    assert batch.size == batch.path.stat().st_size == 8
    assert not list(spool.folder.glob("*.part"))
