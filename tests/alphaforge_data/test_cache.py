"""Answers of a pin are kept as files, and never wrongly."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

import alphaforge_data
from alphaforge_data.cache import Cache
from tests.alphaforge_data.published import END, START, Published

SMALL = pa.table({"close": [1.5, 2.5]})


class Server:
    """Answers, and counts."""

    def __init__(self, table: pa.Table = SMALL):
        self.table, self.asked = table, 0

    def __call__(self) -> pa.Table:
        self.asked += 1
        return self.table


def test_the_second_read_comes_from_a_mapped_file(published: Published, tmp_path: Path) -> None:
    fresh = published.connect().bars("BTC/USDT", "1h", START, END, venue="binance", market="perp")
    for _ in range(2):
        client = alphaforge_data.connect(published.url, snapshot_id="first", cache=tmp_path)
        before = pa.total_allocated_bytes()
        cached = client.bars("BTC/USDT", "1h", START, END, venue="binance", market="perp", columns=["open", "close"])
        assert cached.equals(fresh.select(["open", "close"]))
    assert pa.total_allocated_bytes() - before < cached.nbytes / 2
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_cache_nothing_is_written(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MDW_CACHE", str(tmp_path))
    published.connect().fear_greed("2025-06-01", "2025-06-03")
    assert not list(tmp_path.iterdir())
    alphaforge_data.connect(published.url).fear_greed("2025-06-01", "2025-06-03")
    assert len(list(tmp_path.glob("*.arrow"))) == 1


def test_a_stored_answer_is_not_asked_again(tmp_path: Path) -> None:
    server = Server()
    for _ in range(2):
        assert Cache(tmp_path).get({"query": "q"}, server).equals(SMALL)
    assert server.asked == 1


def test_a_damaged_file_is_read_again(tmp_path: Path) -> None:
    server = Server()
    Cache(tmp_path).get({"query": "q"}, server)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert Cache(tmp_path).get({"query": "q"}, server).equals(SMALL)
    assert server.asked == 2


def test_the_same_id_in_a_warehouse_built_anew_is_another_snapshot(published: Published) -> None:
    snapshot = published.connect().snapshot()
    rebuilt = replace(snapshot, facts={**snapshot.facts, "content_hashes": [("bars", "0")]})
    assert rebuilt.snapshot_id == snapshot.snapshot_id
    assert rebuilt.identity != snapshot.identity


def test_the_oldest_files_leave_when_the_cache_is_full(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=2000)
    server = Server(pa.table({"close": [0.0] * 100}))
    for number in range(5):
        cache.get({"query": number}, server)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2000
    cache.get({"query": 4}, server)
    assert server.asked == 5


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    assert Cache(taken).get({"query": "q"}, Server()).equals(SMALL)
