"""`mdw update`: new bars, gaps, outages at increasing intervals, and starts of histories without requesting empty
years."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlt_pipelines import update
from dlt_pipelines.core.time_grid import to_ms
from dlt_pipelines.planning import outage_retries
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.planning.universe import load
from replay.faults import Faults
from replay.synthetic.listings import outages_of_day
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import Ingest

LAST_CLOSED = NOW.replace(second=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (0 * HOUR, 59 * HOUR / 60, False),
        (0 * HOUR, HOUR, True),
        (HOUR, 5 * HOUR, False),
        (HOUR, 6 * HOUR, True),
        (6 * HOUR, DAY, True),
        (DAY, 6 * DAY, False),
        (0 * HOUR, 400 * DAY, True),  # no updates for a year: once, and then never again
        (31 * DAY, 400 * DAY, False),
    ],
)
def test_the_wait_before_an_outage_is_asked_about_again_widens(last: timedelta, now: timedelta, expected: bool) -> None:
    assert outage_retries.due(FIRST, FIRST + last, FIRST + now) is expected


def age(ingest: Ingest, table: str, hours: float) -> None:
    """Let this many hours pass since everything in the table was fetched."""
    with ingest.warehouse.client() as client:
        client.command(f"create table raw.aged as raw.{table}")
        client.command(
            f"insert into raw.aged select * replace (fetched_at - toIntervalMinute({round(hours * 60)}) as fetched_at)"
            f" from raw.{table}"
        )
        client.command(f"exchange tables raw.aged and raw.{table}")
        client.command("drop table raw.aged")


def test_minutes_that_a_venue_left_out_are_asked_about_again_until_it_has_them(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {
        "datasets": ("bars",), "venues": ("bybit",), "symbols": ("ETH/USDT",), "timeframes": ("1m",),
        "markets": ("spot",),
    }  # fmt: skip
    # The synthetic Bybit has an outage of ten minutes on every 21st.
    (outage,) = outages_of_day("bybit", "spot", int(datetime(2025, 1, 21, tzinfo=UTC).timestamp()) // 86_400)
    start = datetime.fromtimestamp(outage.start_ms / 1000, UTC) - 2 * HOUR
    ingest.backfill(start=start, until=start + 4 * HOUR, **narrowed)
    ingest.backfill(start=start + 4 * HOUR, **narrowed)

    def windows_asked_again() -> list[tuple[int | None, int | None]]:
        plan = update.plan(ingest.settings, ingest.universe, Selection(**narrowed), pace=None)
        return [(request.start, request.end) for request in plan.requests]

    assert windows_asked_again() == []
    age(ingest, "bybit__spot_klines", 1.1)
    ((asked_from, asked_to),) = windows_asked_again()
    assert (asked_from or 0) <= outage.start_ms
    assert (asked_to or 0) >= outage.end_ms

    assert ingest.update(**narrowed).pages == 1
    assert windows_asked_again() == []
    age(ingest, "bybit__spot_klines", 5)
    assert len(windows_asked_again()) == 1


@pytest.fixture
def coinbase(ingest: Ingest, tmp_path: Path) -> Ingest:
    """A universe of one illiquid symbol at Coinbase."""
    file = tmp_path / "universe.yml"
    file.write_text(
        "{version: 1, history: {start: 2025-01-14T00:00:00Z}, timeframes: [1m], bars: {coinbase: {spot: [SOL/BTC]}}}"
    )
    ingest.universe = load(file)
    return ingest


def test_minutes_without_a_trade_are_not_requested_again_if_they_have_no_bar(coinbase: Ingest) -> None:
    ingest = coinbase
    narrowed: dict[str, Any] = {"datasets": ("bars",)}
    # The synthetic Coinbase is away from 06:05 for 195 minutes on every 14th.
    outage = datetime(2025, 1, 14, 6, 5, tzinfo=UTC)
    ingest.backfill(start=outage - 2 * HOUR, until=outage + 20 * HOUR, **narrowed)
    ingest.backfill(start=outage, until=outage + 3 * HOUR, refetch=True, **narrowed)
    ingest.backfill(start=outage + 20 * HOUR, **narrowed)
    assert ingest.count("candles") > 50

    age(ingest, "coinbase__spot_candles", 1.1)

    plan = update.plan(ingest.settings, ingest.universe, Selection(**narrowed), pace=None)
    empty = ingest.warehouse.rows(
        "select distinct toUnixTimestamp64Milli(window_start), toUnixTimestamp64Milli(window_end) from ops.coverage "
        "where venue = 'coinbase' and row_count = 0"
    )
    assert empty
    assert sorted((request.start, request.end) for request in plan.requests) == sorted(empty)


def test_a_page_that_came_too_early_is_repaired(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {
        "datasets": ("bars",), "venues": ("binance",), "symbols": ("SOL/BTC",), "timeframes": ("1m",),
        "markets": ("spot",),
    }  # fmt: skip
    start = LAST_CLOSED - timedelta(hours=3)
    ingest.backfill(hours=9, until=start, **narrowed)
    ingest.server.faults = Faults(rate=1, kinds=("empty",), path="klines")
    assert ingest.update(**narrowed).rows == 0
    ingest.server.faults = Faults()
    assert ingest.update(**narrowed).pages == 0

    age(ingest, "binance__spot_klines", 1.1)
    assert ingest.update(**narrowed).complete

    truth = ingest.true_bars("binance", "spot", "SOL/BTC", "1m", LAST_CLOSED - timedelta(hours=11), LAST_CLOSED)
    assert set(ingest.landed_bars("binance", "spot", "SOL/BTC", "1m")) >= set(truth)


@pytest.mark.parametrize(
    ("venue", "calls"),
    [("binance", 2), ("okx", 20), ("bybit", 20)],
)
def test_the_years_before_a_listing_cost_a_few_calls(ingest: Ingest, venue: str, calls: int) -> None:
    series: dict[str, Any] = {
        "datasets": ("bars",), "venues": (venue,), "markets": ("spot",), "symbols": ("SOL/BTC",), "timeframes": ("1m",),
    }  # fmt: skip
    listed = datetime.fromtimestamp(ingest.market.listed_ms(venue, "spot", "SOL/BTC") / 1000, UTC)
    until = listed + timedelta(days=2)
    start = listed - timedelta(days=700)
    plan = ingest.plan(start=start, until=until, **series)
    # The empty window is requested twice; the rest is the two days.
    assert len(plan.probes) <= calls
    assert plan.calls <= 2 * 1440 // 300 + 4

    assert ingest.land(plan).complete

    assert ingest.landed_bars(venue, "spot", "SOL/BTC", "1m")[0][0] == str(int(listed.timestamp() * 1000))
    landed = set(ingest.landed_bars(venue, "spot", "SOL/BTC", "1m"))
    assert landed == set(ingest.true_bars(venue, "spot", "SOL/BTC", "1m", listed, until))
    assert ingest.plan(start=start, until=until, **series).calls == 0


def test_where_wide_windows_are_refused_longer_candles_tell_where_history_begins(coinbase: Ingest) -> None:
    listed = datetime.fromtimestamp(coinbase.market.listed_ms("coinbase", "spot", "SOL/BTC") / 1000, UTC)
    span: dict[str, Any] = {"start": listed - timedelta(days=700), "until": listed + DAY}

    plan = coinbase.plan(**span, datasets=("bars",))

    # A binary search; an empty response is accepted after five requests.
    assert coinbase.count("candles") < 5 * 16
    assert plan.calls <= 1440 // 300 + 4
    assert coinbase.land(plan).complete
    first, *_ = coinbase.market.bars("coinbase", "spot", "SOL/BTC", "1m", to_ms(listed), to_ms(listed + DAY))
    bodies = [json.loads(page["payload"]) for page in coinbase.pages("coinbase__spot_candles")]
    assert min(row[0] * 1000 for rows in bodies for row in rows) == first.open_time
    assert coinbase.plan(**span, datasets=("bars",)).calls == 0


def test_a_series_that_begins_before_the_span_costs_one_call(ingest: Ingest) -> None:
    plan = ingest.plan(
        hours=24 * 60, datasets=("bars",), venues=("okx",), symbols=("BTC/USDT",), timeframes=("1m",), markets=("spot",)
    )
    assert len(plan.probes) == 1
    assert plan.calls + 1 <= 60 * 1440 // 300 + 2


def test_two_updates_at_once_and_one_after(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {
        "datasets": ("bars",),
        "symbols": ("XRP/USDT",),
        "timeframes": ("1h",),
        "markets": ("spot",),
    }
    ingest.backfill(hours=30, until=NOW - timedelta(hours=10), **narrowed)
    plans = [update.plan(ingest.settings, ingest.universe, Selection(**narrowed), pace=None) for _ in range(2)]
    assert plans[0].requests == plans[1].requests
    for plan in plans:
        assert ingest.land(plan).complete
    assert ingest.update(**narrowed).pages == 0
