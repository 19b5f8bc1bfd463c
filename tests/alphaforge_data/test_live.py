"""Live bars and a replay through one interface: what a strategy receives, without a server if none is needed."""

import asyncio
import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from alphaforge_data.errors import BadRequest, UnknownSnapshot
from alphaforge_data.frame import Frame
from alphaforge_data.live import Bar, Live, Replay
from alphaforge_data.live_names import LiveNames, written
from tests.alphaforge_data.published import Published
from warehouse.project import PROJECT

OPENED = dt.datetime(2025, 3, 4, 10, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def table(*rows: tuple[int, str, float, bool]) -> pa.Table:
    """(minute, instrument, close, provisional)."""
    columns = {
        "instrument_id": [row[1] for row in rows],
        "timeframe": ["1m"] * len(rows),
        "open_time": [OPENED + row[0] * MINUTE for row in rows],
        "close_time": [OPENED + (row[0] + 1) * MINUTE for row in rows],
        **{name: [row[2] for row in rows] for name in ("open", "high", "low", "close", "volume", "quote_volume")},
        "trade_count": [None] * len(rows),
        "source": ["live"] * len(rows),
        "is_provisional": [row[3] for row in rows],
        "received_at": [OPENED] * len(rows),
    }
    return pa.table(columns)


class Answers:
    """The results of a reader in order; the last one is repeated."""

    def __init__(self, *tables: pa.Table):
        self.tables = list(tables)
        self.asked: list[Any] = []

    def query(self, query: str, parameters: Mapping[str, Any]) -> pa.Table:
        self.asked.append(parameters)
        return self.tables.pop(0) if len(self.tables) > 1 else self.tables[0]


class AnyNames(LiveNames):
    """Takes every id as it is written."""

    def __init__(self) -> None:
        pass

    def ids(self, symbol: Any, venue: Any, market: Any, instruments: Any, timeframe: str = "") -> list[str]:
        return written(symbol, venue, market, instruments)

    def require_bars(self, instruments: Any, timeframe: str) -> None:
        pass


def live_of(reader: Answers) -> Live:
    return Live(reader.query, AnyNames())


class History:
    """A client with one day of bars."""

    def iter_bars(self, **asked: Any) -> list[Frame]:
        day = table((1, "b", 2.0, False), (0, "b", 1.0, False), (0, "a", 1.5, False)).drop(["is_provisional"])
        # Dictionary encoded, as ClickHouse's LowCardinality arrives.
        return [Frame(day.set_column(0, "instrument_id", day.column("instrument_id").dictionary_encode()))]


async def first(feed: Any, count: int, **asked: Any) -> list[Bar]:
    found = []
    async for bar in feed.follow(instruments=["a", "b"], **asked):
        found.append(bar)
        if len(found) == count:
            break
    return found


def test_each_bar_is_given_once_a_late_one_when_it_comes_and_a_corrected_one_again() -> None:
    reader = Answers(
        table((0, "a", 1.0, True)),
        table((0, "a", 1.0, True), (1, "a", 2.0, True)),
        table((0, "a", 1.0, True), (0, "b", 5.0, True), (1, "a", 2.5, True)),
    )
    live = live_of(reader)
    bars = asyncio.run(first(live, 4, start=OPENED, every=0.01))
    assert [(b.instrument_id, b.open_time, b.close, b.revised) for b in bars] == [
        ("a", OPENED, 1.0, False),
        ("a", OPENED + MINUTE, 2.0, False),
        ("b", OPENED, 5.0, False),
        ("a", OPENED + MINUTE, 2.5, True),
    ]
    assert all(bar.is_provisional for bar in bars)


def test_without_a_start_the_next_bar_is_the_first_one() -> None:
    # A market of another time, or one whose reader rested for days: what is there already is not news.
    newest = pa.table({"newest": [OPENED]})
    reader = Answers(newest, table((0, "a", 1.0, False), (1, "a", 2.0, True)))
    live = live_of(reader)
    [bar] = asyncio.run(first(live, 1, every=0.01))
    assert reader.asked[1]["start"] == 1000 * (OPENED + MINUTE).timestamp()
    assert bar.instrument_id == "a"


def test_a_hole_of_one_venue_is_filled_late_while_another_goes_on() -> None:
    ahead = table(*((minute, "a", 1.0, True) for minute in range(11)))
    late = table((0, "b", 5.0, True), *((minute, "a", 1.0, True) for minute in range(12)))
    reader = Answers(ahead, late)
    bars = asyncio.run(first(live_of(reader), 13, start=OPENED, every=0.01))
    assert ("b", OPENED) in {(bar.instrument_id, bar.open_time) for bar in bars}
    assert reader.asked[1]["start"] == 1000 * OPENED.timestamp()


def test_a_replay_gives_the_same_kind_of_bars_in_order_and_ends() -> None:
    async def everything() -> list[Bar]:
        feed = Replay(History(), None, float("inf"))  # type: ignore[arg-type]
        return [bar async for bar in feed.follow(instruments=["a", "b"])]

    bars = asyncio.run(everything())
    assert [(b.instrument_id, b.close) for b in bars] == [("a", 1.5), ("b", 1.0), ("b", 2.0)]
    assert not any(bar.is_provisional or bar.revised for bar in bars)


def example(published: Published, cache: Path, snapshot_id: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "examples/alphaforge/live_strategy.py", "--replay", snapshot_id],
        cwd=PROJECT,
        env={**os.environ, "MDW_CLICKHOUSE_URL": published.url, "MDW_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_runs_on_a_replay_of_a_snapshot(published: Published, tmp_path: Path) -> None:
    done = example(published, tmp_path, "first")
    assert done.returncode == 0, done.stderr
    *actions, last = done.stdout.splitlines()
    counted = re.fullmatch(r"(\d+) bars, (\d+) trades", last)
    assert counted
    assert int(counted[1]) > 1000
    assert int(counted[2]) == len(actions) > 10
    done = example(published, tmp_path, "no")
    assert done.returncode == 1
    assert done.stderr.startswith("failed: No snapshot 'no'")


def test_a_replay_keeps_the_pace() -> None:
    async def everything() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async for _ in Replay(History(), None, 600.0).follow(instruments=["a"]):  # type: ignore[arg-type]
            pass
        return loop.time() - began

    assert 0.09 <= asyncio.run(everything()) < 2.0


def test_what_cannot_be_asked_for() -> None:
    assert written("BTC/USDT", ["okx", "bybit"], "spot", None) == ["okx:spot:BTC/USDT", "bybit:spot:BTC/USDT"]
    with pytest.raises(BadRequest, match="venue"):
        written("BTC/USDT", None, "spot", None)
    with pytest.raises(BadRequest, match="speed"):
        Replay(History(), None, 0.0)  # type: ignore[arg-type]
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(BadRequest, match="last"):
            live_of(Answers(table())).minutes(wrong)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="timeframe"):
        live_of(Answers(table())).bars(instruments="a", timeframe="1x")
    with pytest.raises(BadRequest, match="not before"):
        live_of(Answers(table())).bars(instruments="a", start=OPENED, end=OPENED)
    with pytest.raises(BadRequest, match="seconds"):
        live_of(Answers(table())).quotes(instruments="a", seconds=0)


MISNAMED: dict[str, tuple[Callable[[Live], object], str]] = {
    "symbol": (lambda live: live.bars("BTX/USDT", venue="binance"), "no instrument 'binance:spot:BTX/USDT'; similar"),
    "venue": (lambda live: live.bars("BTC/USDT", venue="binnance"), "'binnance'; the warehouse has: binance"),
    "id": (lambda live: live.bars(instruments="binance:spot:BTX/USDT"), "no instrument 'binance:spot:BTX/USDT'"),
    "symbol of quotes": (lambda live: live.quotes("BTX/USDT", venue="binance"), "no instrument"),
    "followed symbol": (
        lambda live: asyncio.run(anext(live.follow("BTX/USDT", venue="binance"))),  # type: ignore[arg-type]
        "no instrument",
    ),
    "timeframe": (lambda live: live.bars("BTC/USDT", "4h", venue="binance"), "'4h'; .* has bars of: 1m"),
    "nothing collected": (
        lambda live: live.bars("BNB/USDT", venue="binance", market="perp"),
        "no 1m bars of 'binance:perp:BNB/USDT'",
    ),
}


@pytest.mark.parametrize("name", MISNAMED)
def test_a_misspelt_name_is_an_error_with_the_nearest_choice(published: Published, name: str) -> None:
    call, words = MISNAMED[name]
    with pytest.raises(BadRequest, match=words):
        call(published.connect().live)


def test_live_names_are_spelt_as_for_pinned_reads(published: Published) -> None:
    live = published.connect().live
    for symbol, venue in (("BTC/USDT", "binance"), ("btcusdt", "BINANCE"), (["BTC-USDT"], ["Binance"])):
        frame = live.bars(symbol, venue=venue)
        assert set(frame["instrument_id"].to_pylist()) == {"binance:spot:BTC/USDT"}
    # A window that has no bars yet is not an error, and a frame of no snapshot can be printed.
    nothing = live.bars("BTC/USDT", start="2290-01-01", venue="binance")
    assert "0 rows of no snapshot" in repr(nothing)
    assert "of no snapshot" in nothing._repr_html_()


class NothingPublished:
    """The catalog of a warehouse whose first snapshot is yet to come."""

    def get(self, snapshot_id: str) -> Any:
        raise UnknownSnapshot("No snapshot is published yet.")


def test_before_the_first_snapshot_live_rows_are_what_is_known() -> None:
    rows = pa.table({"instrument_id": pa.array([], pa.string()), "timeframe": pa.array([], pa.string())})
    reader = Answers(rows)
    names = LiveNames(reader.query, NothingPublished())  # type: ignore[arg-type]
    assert names.ids("BTC/USDT", "okx", "spot", None, "1m") == ["okx:spot:BTC/USDT"]
    names.require_bars(["okx:spot:BTC/USDT"], "1m")
    # The reader has begun.
    reader.tables = [pa.table({"instrument_id": ["okx:spot:BTC/USDT"], "timeframe": ["1m"]})]
    assert names.ids("btcusdt", "OKX", "spot", None, "1m") == ["okx:spot:BTC/USDT"]
    with pytest.raises(BadRequest, match="no instrument 'okx:spot:BTX/USDT'; similar: okx:spot:BTC/USDT"):
        names.ids("BTX/USDT", "okx", "spot", None, "1m")
