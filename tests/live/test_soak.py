"""Hours of a market with faults, random kills of the reader and ClickHouse outages: the result equals the market.

60 symbols of three venues (spot; of Binance five perps as well). MDW_SOAK_MINUTES, _KILLS, _SEED, _SYMBOLS and _SPEED
choose the stretch; two readers run, one of which is killed. Open frames come every half second of real time, so that
the replay server can feed two readers at this speed. A whole day:
MDW_SOAK_MINUTES=1440 MDW_SOAK_SPEED=30 pytest -m soak tests/live/test_soak.py -s
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from mdw.publishing import universe as universe_of_dbt
from replay.clock import Clock, parse_instant
from replay.limits import Limits
from replay.server import ReplayServer
from replay.sockets.faults import USUAL_LATENESS, SocketFaults
from replay.synthetic import SyntheticMarket, paths
from replay.synthetic.listings import LISTINGS
from tests.conftest import Warehouse, start_warehouse
from tests.dbt.conftest import Dbt
from tests.ingest import Ingest
from tests.live.test_line import LIVE_BARS
from tests.live.world import MINUTE_MS
from warehouse import embedded
from warehouse.project import PROJECT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]
START_MS = parse_instant("2025-03-04T10:00:00Z")
MINUTES = int(os.environ.get("MDW_SOAK_MINUTES", "100"))
KILLS = int(os.environ.get("MDW_SOAK_KILLS", "50"))
SEED = int(os.environ.get("MDW_SOAK_SEED", "1"))
SYMBOLS = int(os.environ.get("MDW_SOAK_SYMBOLS", "60"))
SPEED = float(os.environ.get("MDW_SOAK_SPEED", "20"))
# The view shows unpublished minutes for two hours: looks at the newest of them see every minute many times.
LOOK_BACK_MINUTES = 90
LISTED = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "SOL/BTC", "ETH/BTC"]
# Beyond the symbols of the synthetic market: some that trade always, some in half of the minutes.
MADE = [f"S{number:02d}/USDT" for number in range(SYMBOLS - len(LISTED))]
UNIVERSE = f"""
version: 1
history: {{start: 2025-03-04T09:50:00Z}}
timeframes: [1m]
bars:
  binance:
    spot: [{", ".join([*LISTED, *MADE])}]
    perp: [BTC/USDT, ETH/USDT, SOL/USDT, XRP/USDT, BNB/USDT]
  okx: {{spot: [{", ".join([*LISTED, *MADE])}]}}
  bybit: {{spot: [{", ".join([*LISTED, *MADE])}]}}
instruments: false
fear_greed: false
"""
FAULTS = SocketFaults(
    seed=SEED,
    late=0.05,
    drop=0.05,
    duplicate=0.05,
    reorder=0.05,
    old=0.05,
    two_bars=0.1,
    quiet={"okx": "next_trade", "bybit": "never"},
    quotes_per_second=0,
    open_pace_ms=dict.fromkeys(USUAL_LATENESS, int(500 * SPEED)),
)
Bars = dict[tuple[Any, ...], tuple[Any, ...]]
_CONTENT = (
    "select count(), groupBitXor(cityHash64(tuple(instrument_id, timeframe, open_time, open, high, low, close, volume, "
    "quote_volume, trade_count, source))) from marts.bars final where valid_to_version = 4294967295"
)


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """More symbols than the synthetic market has."""
    for number, symbol in enumerate(MADE):
        base = symbol.split("/")[0]
        monkeypatch.setitem(paths._CURRENCIES, base, (10.0 + number, 0.04, 0.001))
        for venue in ("binance", "okx", "bybit"):
            one = LISTINGS[venue, "spot", "SOL/USDT"]
            made = replace(
                one,
                symbol=symbol,
                venue_symbol=one.venue_symbol.replace("SOL", base),
                quiet=0.5 if number % 5 == 0 else one.quiet,
            )
            monkeypatch.setitem(LISTINGS, (venue, "spot", symbol), made)


def reader_of(environment: dict[str, str], home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.live.process", str(home), str(SPEED)], env=environment, cwd=PROJECT
    )


@pytest.mark.usefixtures("listed")
def test_kills_faults_and_an_outage_leave_the_truth(tmp_path: Path) -> None:
    market, random_ = SyntheticMarket(5), random.Random(SEED)
    universe = tmp_path / "universe.yml"
    universe.write_text(UNIVERSE)
    warehouse, without = start_warehouse(tmp_path / "mdw"), start_warehouse(tmp_path / "without")
    # The venues' limits, by the time of this market.
    limits = Limits(scale=SPEED)
    with ReplayServer(market, clock=Clock(START_MS), limits=limits) as server:
        ingest = Ingest.of(warehouse, server, market, universe=universe)
        variables = universe_of_dbt.variables(ingest.settings)
        dbt = Dbt(warehouse, tmp_path / "target")
        assert ingest.backfill(hours=1 / 6).complete
        dbt.publish("before", now=now_of(server), **variables)
        server.sockets.faults, server.sockets.sent = FAULTS, deque()
        server.clock.speed = SPEED
        server.clock.set(START_MS, ticking=True)
        environment = {**os.environ, **server.environment, "MDW_UNIVERSE": str(universe)}
        steady, killed = (reader_of(environment, warehouse.settings.home) for _ in range(2))
        sizes: list[int] = []
        moments = sorted(random_.uniform(2, MINUTES - 3) for _ in range(KILLS))
        cuts = sorted(random_.uniform(2, MINUTES - 3) for _ in range(max(MINUTES // 8, 3)))
        away = MINUTES * 0.4, MINUTES * 0.4 + 10
        down, looks, looked, too_early = False, 0, 0.0, []
        # What the view showed at any look.
        ever: dict[tuple[Any, ...], set[tuple[Any, ...]]] = {}
        while (minute := (server.clock.now_ms() - START_MS) / MINUTE_MS) < MINUTES:
            if moments and minute > moments[0]:
                moments.pop(0)
                killed.kill()
                killed.wait()
                killed = reader_of(environment, warehouse.settings.home)
            if not down and away[0] < minute < away[1]:
                warehouse.kill()
                down = True
            if down and minute > away[1]:
                embedded.up(warehouse.settings)
                down, away = False, (1e9, 1e9)
            if cuts and minute > cuts[0]:
                cuts.pop(0)
                server.sockets.order(random_.choice(["reset", "1006", "1001"]), random_.choice(["okx", "bybit", ""]))
            if minute > MINUTES / 4:
                sizes.append(psutil.Process(steady.pid).memory_info().rss)
            if not down and minute - looked > max(2, MINUTES / 200):
                looked, looks = minute, looks + 1
                too_early += shown_too_early(warehouse, server)
                for key, values in live_bars(warehouse, since_of(server), 1 << 42).items():
                    ever.setdefault(key, set()).add(values)
            time.sleep(0.2)
        assert not moments
        assert looks
        assert too_early == []
        end_ms = server.clock.now_ms() // MINUTE_MS * MINUTE_MS
        truth = truth_of(ingest, START_MS, end_ms)
        deadline = time.monotonic() + 150
        while newest(truth, server).keys() - live_bars(warehouse, since_of(server), end_ms).keys():
            if time.monotonic() > deadline:
                break
            time.sleep(1)
        # Frames that are half a minute late, and gaps of killed readers, for which a reader looks once a minute.
        time.sleep(60 / SPEED + 5)
        unfilled = "select count() from marts.v_live_gaps where filled_at is null"
        deadline = time.monotonic() + 150
        while warehouse.rows(unfilled) != [(0,)] and time.monotonic() < deadline:
            time.sleep(2)
        for one in (steady, killed):
            one.terminate()
        assert [one.wait(40) for one in (steady, killed)] == [0, 0]
        server.clock.set(server.clock.now_ms(), ticking=False)
        violations = dict(server.journal.violations)
        limits.scale = 1e9  # what follows lands without pace
        shown = live_bars(warehouse, since_of(server), end_ms)
        for key, values in shown.items():
            ever.setdefault(key, set()).add(values)
        missing = Counter(instrument.rpartition(":")[0] for instrument, _ in truth.keys() - ever.keys())
        figures: dict[str, Any] = {
            "kills": KILLS,
            "minutes": MINUTES,
            "bars": len(truth),
            "missing": missing,
            "wrong": sum(ever[key] != {truth[key]} for key in truth.keys() & ever.keys()),
            "looks": looks,
            "rss_mb": [max(sizes) / 2**20, min(sizes) / 2**20],
            "gaps": warehouse.rows(
                "select cause, count(), countIf(filled_at is null) from marts.v_live_gaps group by 1"
            ),
            "sources": warehouse.rows("select source, count() from marts.v_bars_live where is_provisional group by 1"),
            "violations": violations,
        }
        sys.stdout.write(json.dumps(figures) + "\n")
        assert violations == {}
        assert max(sizes) - min(sizes) < 10 << 20
        assert shown == newest(truth, server)
        assert {key: values for key, values in ever.items() if values != {truth.get(key)}} == {}
        assert truth.keys() == ever.keys()
        assert [cause for cause, _, unfilled in figures["gaps"] if unfilled] == []
        sent = {text for _, text in server.sockets.sent}
        for table in LIVE_BARS:
            frames = warehouse.rows(f"select payload, payload_sha256 from raw.{table} where http_status = 101")
            assert frames
            assert {text for text, _ in frames} <= sent
            assert [text for text, digest in frames if sha256(text.encode()).hexdigest() != digest] == []

        # The marts equal those of a warehouse without a reader.
        other = Ingest.of(without, server, market, universe=universe)
        assert other.backfill(hours=(server.clock.now_ms() - START_MS) / 3_600_000 + 1 / 6).complete
        for landing, client in ((ingest, dbt), (other, Dbt(without, tmp_path / "target2"))):
            assert landing.update().complete
            client.publish("after", now=now_of(server), **variables)
        assert warehouse.rows(_CONTENT) == without.rows(_CONTENT)


def now_of(server: ReplayServer) -> str:
    return datetime.fromtimestamp(server.clock.now_ms() / 1000, UTC).isoformat()


def since_of(server: ReplayServer) -> int:
    """The first minute of a look, by the market's time."""
    since = server.clock.now_ms() - LOOK_BACK_MINUTES * MINUTE_MS
    return max(START_MS, since // MINUTE_MS * MINUTE_MS)


def newest(truth: Bars, server: ReplayServer) -> Bars:
    """The part that a look shows."""
    since = since_of(server)
    return {key: values for key, values in truth.items() if key[1] >= since}


def shown_too_early(warehouse: Warehouse, server: ReplayServer) -> list[tuple[Any, ...]]:
    """Bars in the view whose minute is open by the venue's clock."""
    rows = warehouse.rows(
        "select toString(instrument_id), toUnixTimestamp64Milli(close_time) from marts.v_bars_live "
        "where is_provisional and open_time >= fromUnixTimestamp64Milli({after:Int64})",
        after=since_of(server),
    )
    now = server.clock.now_ms()
    return [row for row in rows if row[1] > now]


def live_bars(warehouse: Warehouse, start_ms: int, end_ms: int) -> Bars:
    rows = warehouse.rows(
        "select toString(instrument_id), toUnixTimestamp64Milli(open_time) as opened, open, high, low, close, volume "
        "from marts.v_bars_live where open_time >= fromUnixTimestamp64Milli({a:Int64}) "
        "and open_time < fromUnixTimestamp64Milli({b:Int64})",
        a=start_ms,
        b=end_ms,
    )
    assert len({row[:2] for row in rows}) == len(rows)
    return {row[:2]: row[2:] for row in rows}


def truth_of(ingest: Ingest, start_ms: int, end_ms: int) -> Bars:
    found = {}
    for venue, markets in ingest.universe.bars.items():
        for kind, symbols in markets.items():
            for symbol in symbols:
                for bar in ingest.market.bars(venue, kind, symbol, "1m", start_ms, end_ms):
                    values = tuple(float(v or 0) for v in (bar.open, bar.high, bar.low, bar.close, bar.volume))
                    found[f"{venue}:{kind}:{symbol}", bar.open_time] = values
    return found
