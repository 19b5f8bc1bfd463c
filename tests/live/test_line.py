"""WebSocket → reader → ClickHouse → views on a fast market with every kind of fault; REST of the same seed is the
reference.

One warehouse and one build, which makes the views; everything else is live.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

import alphaforge_data
from alphaforge_data.aio import AsyncClient
from alphaforge_data.live import Bar
from dlt_pipelines import update
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import from_ms, to_ms
from dlt_pipelines.live import rows
from dlt_pipelines.live.clock import recv_us
from dlt_pipelines.planning.listings import landed_listings
from dlt_pipelines.venues import WEBSOCKETS
from mdw.publishing import universe as universe_of_dbt
from replay.clock import Clock, parse_instant
from replay.server import ReplayServer
from replay.sockets.faults import SocketFaults
from replay.synthetic import SyntheticMarket
from tests.conftest import Warehouse
from tests.dbt.conftest import Dbt
from tests.ingest import Ingest
from tests.live.world import MINUTE_MS, Running, until
from warehouse import embedded
from warehouse.project import PROJECT

START_MS = parse_instant("2025-03-04T10:00:00Z")
SPEED = 30.0
MINUTES = 9
PLACES = (
    ("binance", "spot", ("BTC/USDT", "SOL/BTC")),
    ("binance", "perp", ("BTC/USDT",)),
    ("okx", "spot", ("BTC/USDT", "SOL/BTC")),
    ("bybit", "spot", ("BTC/USDT", "SOL/BTC")),
)
SERIES = [Series("bars", venue, market, symbol, "1m") for venue, market, names in PLACES for symbol in names]
UNIVERSE = """
version: 1
history: {start: 2025-03-04T09:50:00Z}
timeframes: [1m]
bars:
  binance: {spot: [BTC/USDT, SOL/BTC], perp: [BTC/USDT]}
  okx: {spot: [BTC/USDT, SOL/BTC]}
  bybit: {spot: [BTC/USDT, SOL/BTC]}
instruments: false
fear_greed: false
"""
FAULTS = SocketFaults(
    seed=11,
    late=0.15,
    late_seconds=(2.0, 24.0, 30.0),
    drop=0.15,
    duplicate=0.2,
    reorder=0.1,
    old=0.1,
    two_bars=0.2,
    differ=0.1,
    quiet={"binance-spot": "pushed", "okx": "next_trade", "bybit": "never"},
)
LIVE_BARS = (
    "binance__live_spot_klines",
    "binance__live_usdm_klines",
    "okx__live_spot_candles",
    "bybit__live_spot_klines",
)


@dataclass
class Ran:
    """The state after a run with faults."""

    ingest: Ingest
    dbt: Dbt
    first_ms: int = 0
    end_ms: int = 0
    too_early: list[tuple[Any, ...]] = field(default_factory=list)
    looks: int = 0
    sent: list[str] = field(default_factory=list)
    left: str = ""
    """Id of a gap whose reader was killed before it had filled it."""

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        return self.ingest.warehouse.rows(query, **parameters)

    def live(self, columns: str) -> list[tuple[Any, ...]]:
        return self.rows(
            f"select {columns} from marts.v_bars_live "
            "where open_time >= {a:DateTime64(3, 'UTC')} and open_time < {b:DateTime64(3, 'UTC')} "
            "order by instrument_id, open_time",
            a=from_ms(self.first_ms),
            b=from_ms(self.end_ms),
        )

    def truth(self) -> dict[tuple[str, int], tuple[float, ...]]:
        found = {}
        for one in SERIES:
            for bar in self.ingest.market.bars(one.venue, one.market, one.symbol, "1m", self.first_ms, self.end_ms):
                values = tuple(float(v or 0) for v in (bar.open, bar.high, bar.low, bar.close, bar.volume))
                found[f"{one.venue}:{one.market}:{one.symbol}", bar.open_time] = values
        return found


def watch(ran: Ran, server: ReplayServer, stop: threading.Event) -> None:
    """The view never shows a bar whose minute is still open by the venue's clock."""
    while not stop.wait(0.4):
        try:
            found = ran.rows(
                "select instrument_id, toUnixTimestamp64Milli(close_time) from marts.v_bars_live "
                "where open_time >= {a:DateTime64(3, 'UTC')}",
                a=from_ms(ran.first_ms),
            )
        except Exception:  # ClickHouse is down intentionally for a while
            continue
        now = server.clock.now_ms()
        ran.looks += 1
        ran.too_early += [row for row in found if row[1] > now]


@pytest.fixture(scope="module")
def ran(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    market = SyntheticMarket(5)
    universe = tmp_path_factory.mktemp("universe") / "universe.yml"
    universe.write_text(UNIVERSE)
    with ReplayServer(market, clock=Clock(START_MS)) as server:
        clock = server.clock
        ingest = Ingest.of(module_warehouse, server, market, universe=universe)
        assert ingest.backfill(hours=1 / 6).complete
        dbt = Dbt(module_warehouse, tmp_path_factory.mktemp("target"))
        variables = universe_of_dbt.variables(ingest.settings)
        dbt.publish("before", now=datetime.fromtimestamp(START_MS / 1000, UTC).isoformat(), **variables)
        clock.speed = SPEED
        clock.set(START_MS, ticking=True)
        server.sockets.faults = FAULTS
        ran = Ran(ingest, dbt, START_MS)
        stop = threading.Event()
        watcher = threading.Thread(target=watch, args=(ran, server, stop))
        watcher.start()
        try:
            _faulty_stretch(module_warehouse, server)
            ran.left = _gap_of_a_killed_reader(module_warehouse)
            # Another reader requests at its start what the first one left and what fell between the two.
            with Running(module_warehouse, server, SERIES) as second:
                ran.end_ms = clock.now_ms() // MINUTE_MS * MINUTE_MS
                until(lambda: all_there(second, ran), 20, "a complete market")
                # Gaps that reach ClickHouse after the start of a reader are looked up every minute.
                unfilled = "select count() from marts.v_live_gaps where feed = 'bars' and filled_at is null"
                until(lambda: ran.rows(unfilled) == [(0,)], 90, "filled gaps")
        finally:
            stop.set()
            watcher.join()
        assert second.complete
        ran.sent = [text for _, text in server.sockets.sent]
        clock.set(clock.now_ms(), ticking=False)
        yield ran


def _gap_of_a_killed_reader(warehouse: Warehouse) -> str:
    """Five minutes before the market began to move, and so before what any reader of this run was asked for."""
    gap_id = str(uuid.uuid4())
    row = rows.event(
        "killed", "gap", venue="okx", market="spot", cause="start", detail="bars", event_id=gap_id,
        start_ms=START_MS - 5 * MINUTE_MS, end_ms=START_MS - 4 * MINUTE_MS,
    )  # fmt: skip
    with warehouse.client("ingest") as client:
        client.command(f"insert into {row.table} format JSONEachRow {row.line.decode()}")
    return gap_id


def all_there(running: Running, ran: Ran) -> bool:
    return all(
        follower.minutes.is_reported_complete(minute)
        for follower in running.reader.followers
        # A reader does not request again what was complete before its start.
        for minute in range(max(ran.first_ms, follower.gaps.first_ms), ran.end_ms, MINUTE_MS)
    )


def _faulty_stretch(warehouse: Warehouse, server: ReplayServer) -> None:
    def market_minute() -> float:
        return (server.clock.now_ms() - START_MS) / MINUTE_MS

    with Running(warehouse, server, SERIES) as first:
        until(lambda: market_minute() > 2, 20, "two minutes")
        server.sockets.order("reset", "okx")
        server.sockets.order("1006", "binance-spot")
        until(lambda: market_minute() > 3, 20, "three minutes")
        # ClickHouse is unavailable for a while: rows wait on disk.
        warehouse.kill()
        until(lambda: market_minute() > 5, 20, "five minutes")
        assert first.reader.spool.batches
        embedded.up(warehouse.settings)
        server.sockets.order("1001", "bybit")
        server.sockets.announce("binance-usdm", '{"e":"serverShutdown","E":1}', close_after_seconds=0.0)
        until(lambda: market_minute() > MINUTES, 40, "the end of the stretch")
    assert first.error is None


def shown(ran: Ran) -> dict[tuple[str, int], tuple[float, ...]]:
    columns = "toString(instrument_id), toUnixTimestamp64Milli(open_time), open, high, low, close, volume"
    return {(instrument, opened): tuple(values) for instrument, opened, *values in ran.live(columns)}


def test_the_view_equals_rest(ran: Ran) -> None:
    found = shown(ran)
    truth = ran.truth()
    assert len(truth) >= len(SERIES) * MINUTES
    assert found.keys() == truth.keys()
    # Values that differ from REST stay in the view until the bar is requested by REST: see the audit.
    told_otherwise = {key for key in truth if found[key] != truth[key]}
    differing = {
        (f"{one.venue}:{one.market}:{one.symbol}", minute)
        for one in SERIES
        for minute in range(ran.first_ms, ran.end_ms, MINUTE_MS)
        if FAULTS.happens("differ", topic(one), minute)
    }
    assert told_otherwise <= differing
    assert differing & truth.keys()


def topic(series: Series) -> str:
    return WEBSOCKETS[series.venue, series.market].topic(series, quotes=False)


def test_no_bar_was_seen_before_its_minute_was_over(ran: Ran) -> None:
    assert ran.looks > 10
    assert ran.too_early == []


def test_frames_are_stored_byte_for_byte_and_only_closed_ones(ran: Ran) -> None:
    sent = set(ran.sent)
    for table in LIVE_BARS:
        stored = [row[0] for row in ran.rows(f"select payload from raw.{table} where http_status = 101")]
        assert stored, table
        assert [text for text in stored if text not in sent] == []
        assert ran.rows(f"select count() from raw.{table} where lower(hex(SHA256(payload))) != payload_sha256") == [
            (0,)
        ]


def test_live_pages_cover_nothing_and_are_not_candidates(ran: Ran) -> None:
    assert ran.rows("select count() from ops.coverage where lane = 'live' or fetched_at is null") == [(0,)]
    assert ran.rows("select count() from marts.bars where source not in ('rest', 'archive')") == [(0,)]
    # Pages of quotes, whose tables' names end like those of listings, are none: instruments are due as before.
    assert ran.rows("select count() > 0 from raw.okx__live_spot_quotes") == [(1,)]
    with ran.ingest.warehouse.client("ingest") as client:
        assert landed_listings(client) == {}
    # The planner requests every minute of the run by REST, as if there had been no reader.
    plan = update.plan(ran.ingest.settings, ran.ingest.universe, pace=None)
    asked = {(request.series, request.start, request.end) for request in plan.requests}
    for one in SERIES:
        windows = sorted((start, end) for series, start, end in asked if series == one)
        assert windows, one
        assert (windows[0][0] or 0) <= START_MS
        assert (windows[-1][1] or ran.end_ms) >= ran.end_ms


def test_each_gap_is_recorded_with_its_cause_and_when_it_was_filled(ran: Ran) -> None:
    gaps = ran.rows("select venue, market, cause, filled_at is not null from marts.v_live_gaps where feed = 'bars'")
    causes = {(venue, market): cause for venue, market, cause, _ in gaps if cause != "start"}
    assert {("okx", "spot"), ("binance", "spot"), ("bybit", "spot")} <= causes.keys()
    assert [gap for gap in gaps if not gap[3]] == []


def test_a_gap_whose_reader_was_killed_is_filled_by_the_next_reader(ran: Ran) -> None:
    filled = "select filled_at is not null from marts.v_live_gaps where gap_id = {gap:UUID}"
    assert ran.rows(filled, gap=ran.left) == [(1,)]
    asked = (
        "select distinct symbol from raw.okx__live_spot_candles where http_status = 200 "
        "and window_start <= {a:DateTime64(3, 'UTC')} and window_end > {a:DateTime64(3, 'UTC')} order by symbol"
    )
    assert ran.rows(asked, a=from_ms(START_MS - 5 * MINUTE_MS)) == [("BTC/USDT",), ("SOL/BTC",)]


def test_minutes_say_when_they_were_complete(ran: Ran) -> None:
    minutes = ran.rows(
        "select venue, market, due, by_socket, by_rest, missing, complete_at is not null from marts.v_live_minutes "
        "where minute >= {a:DateTime64(3, 'UTC')} and minute < {b:DateTime64(3, 'UTC')}",
        a=from_ms(ran.first_ms),
        b=from_ms(ran.end_ms),
    )
    assert len(minutes) == (ran.end_ms - ran.first_ms) // MINUTE_MS * len(PLACES)
    for venue, market, due, socket, rest, missing, complete in minutes:
        assert (missing, complete) == (0, 1), (venue, market, missing)
        assert socket + rest == due
    assert sum(row[4] for row in minutes) > 0
    assert sum(row[3] for row in minutes) > 0


def test_no_limit_of_a_venue_was_exceeded(ran: Ran) -> None:
    assert ran.ingest.server.journal.violations == {}


def test_quotes_are_the_last_of_each_second(ran: Ran) -> None:
    found = ran.rows(
        "select instrument_id, count(), uniqExact(second), countIf(bid is null or ask is null or bid >= ask), "
        "countIf(event_time is null) from marts.v_quotes_live group by instrument_id order by 1"
    )
    assert [row[0] for row in found] == sorted(f"{one.venue}:{one.market}:{one.symbol}" for one in SERIES)
    for instrument, count, seconds, bad, timeless in found:
        assert count == seconds > 5
        assert bad == 0
        assert timeless == (count if instrument.startswith("binance:spot") else 0)


def researcher(ran: Ran) -> str:
    found = ran.ingest.warehouse.settings.connection("researcher")
    return f"http://{found.user}:{found.password}@{found.host}:{found.http_port}"


def test_the_sdk_gives_the_same_bars_and_each_once(ran: Ran) -> None:
    names = [f"{one.venue}:{one.market}:{one.symbol}" for one in SERIES]
    truth = shown(ran)

    async def follow(client: AsyncClient) -> list[Bar]:
        found = []
        async with asyncio.timeout(60):
            async for bar in client.live.follow(instruments=names, start=from_ms(ran.first_ms)):
                found.append(bar)
                if len(found) == len(truth):
                    return found
        raise AssertionError("unreachable")

    with alphaforge_data.connect(researcher(ran), cache=False) as client:
        frame = client.live.bars(instruments=names, start=from_ms(ran.first_ms), end=from_ms(ran.end_ms))
        bars = frame.to_arrow().to_pylist()
        assert {(one["instrument_id"], to_ms(one["open_time"])): values_of(one) for one in bars} == truth
        assert {one["is_provisional"] for one in bars} == {True}
        followed = asyncio.run(follow(client.aio))
        assert {(one.instrument_id, to_ms(one.open_time)): values_of(one) for one in followed} == truth
        assert [one for one in followed if one.revised] == []
        quotes = client.live.quotes(instruments=names, seconds=7200).to_arrow()
        assert set(quotes.column("instrument_id").to_pylist()) == set(names)
        assert client.live.minutes().to_arrow().num_rows >= MINUTES * len(PLACES)
        assert client.live.gaps().to_arrow().num_rows > 0


def values_of(bar: Any) -> tuple[float, ...]:
    names = ("open", "high", "low", "close", "volume")
    return tuple(bar[name] if isinstance(bar, dict) else getattr(bar, name) for name in names)


def test_the_example_runs_on_live_bars(ran: Ran) -> None:
    """The same strategy as in tests/alphaforge_data/test_live.py, where it runs on a replay."""
    since = from_ms(START_MS - 10 * MINUTE_MS).isoformat()
    # The ten published minutes and the live ones.
    bars = 10 + MINUTES
    done = subprocess.run(
        [sys.executable, "examples/alphaforge/live_strategy.py", "--since", since, "--bars", str(bars)],
        cwd=PROJECT,
        env={**os.environ, "MDW_CLICKHOUSE_URL": researcher(ran)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{bars} bars, \d+ trades", done.stdout.splitlines()[-1])


def test_researchers_may_read_the_live_views(ran: Ran) -> None:
    with ran.ingest.warehouse.client("researcher") as client:
        for view in ("v_bars_live", "v_quotes_live", "v_live_gaps", "v_live_minutes"):
            assert client.query(f"select * from marts.{view} limit 1").result_rows, view


def test_precedence_of_frames_is_the_venues_time_and_never_above_the_gap_task(ran: Ran) -> None:
    """Pages put by hand for the minute that was open when the clock stopped, of which no source has a bar."""
    series = Series("bars", "binance", "spot", "BTC/USDT", "1m")
    opened = ran.ingest.server.clock.now_ms() // MINUTE_MS * MINUTE_MS
    end, now = opened + MINUTE_MS, recv_us() // 1000

    def shown_after(text: str, status: int, event_ms: int, received_ms: int) -> list[tuple[Any, ...]]:
        """The bar in the view, once a page is stored that a reader received then by its own clock."""
        row = rows.page(
            "binance__live_spot_klines", series, "BTCUSDT", "by hand", {"conn": "a"}, text,
            opens=(opened,), status=status, received_us=received_ms * 1000, server_ms=event_ms, rows=1,
        )  # fmt: skip
        with ran.ingest.warehouse.client("ingest") as client:
            client.command(f"insert into {row.table} format JSONEachRow {row.line.decode()}")
        return ran.rows(
            "select close, source from marts.v_bars_live where instrument_id = 'binance:spot:BTC/USDT' "
            "and open_time = {a:DateTime64(3, 'UTC')}",
            a=from_ms(opened),
        )

    def frame(close: str, event_ms: int, received_ms: int) -> list[tuple[Any, ...]]:
        bar = {"t": opened, "s": "BTCUSDT", "i": "1m", "x": True, "n": 1, **dict.fromkeys("ohlvqVQ", "5"), "c": close}
        body = {"stream": "btcusdt@kline_1m", "data": {"e": "kline", "E": event_ms, "s": "BTCUSDT", "k": bar}}
        return shown_after(json.dumps(body), 101, event_ms, received_ms)

    an_hour_ahead = now + 3_600_000
    assert frame("5.1", end + 100, now) == [(5.1, "live")]
    assert frame("5.2", end + 99, an_hour_ahead) == [(5.1, "live")], "older by the venue's time, however late it came"
    assert frame("5.3", end + 101, now - 60_000) == [(5.3, "live")], "newer by the venue's time"
    assert frame("5.4", end + 101, now) == [(5.4, "live")], "the same time: the last one to arrive"
    answer = json.dumps([[opened, "5", "5.5", "5", "5.5", "5", end - 1, "5", 1, "5", "5", "0"]])
    assert shown_after(answer, 200, end, now) == [(5.5, "gap")]
    assert frame("5.6", end + 24_000, an_hour_ahead) == [(5.5, "gap")], "neither time puts a frame above REST"


def test_rest_takes_precedence_over_websocket(ran: Ran) -> None:
    # The last test of the module: it lands the period by REST.
    assert ran.ingest.update().complete
    assert shown(ran) == ran.truth()
    sources = ran.live("source, is_provisional")
    assert set(sources) == {("rest", True)}


@pytest.mark.soak
def test_one_update_and_build_leave_the_market(ran: Ran) -> None:
    # After test_rest_takes_precedence_over_websocket, which landed the period.
    now = from_ms(ran.ingest.server.clock.now_ms()).isoformat()
    ran.dbt.publish("after", now=now, **universe_of_dbt.variables(ran.ingest.settings))
    assert shown(ran) == ran.truth()
    assert set(ran.live("source, is_provisional")) == {("rest", False)}
    told_otherwise = ran.rows("select instrument_id, event_time from marts.dq_live_differences where difference != ''")
    assert told_otherwise
    named = ran.rows(
        "select distinct severity from marts.dq_audit_results where audit = 'bars_live_against_rest' "
        "and run = (select max(run) from marts.dq_audit_results) and instrument_id != ''"
    )
    assert named == [("warn",)]
