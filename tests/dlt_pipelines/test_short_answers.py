"""Responses with fewer rows than possible: they are not taken as proof that there is no more."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from dlt_pipelines import update
from dlt_pipelines.http import venue_client
from dlt_pipelines.planning.selection import Selection
from dlt_pipelines.planning.universe import load
from dlt_pipelines.rest.paging import EMPTY_PAUSES
from replay.caps import Cap
from replay.faults import FixedAnswer
from replay.synthetic.listings import outages_of_day
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import Ingest

SPOT = ("binance", "okx", "bybit", "coinbase")
UNIVERSE = f"""
version: 1
history: {{start: 2024-10-01T00:00:00Z}}
timeframes: [1m]
bars:
  binance: {{spot: [BTC/USDT], perp: [BTC/USDT]}}
{"".join(f"  {venue}: {{spot: [BTC/USDT]}}{chr(10)}" for venue in SPOT[1:])}
funding: {{binance: {{perp: [SOL/USDT]}}, okx: {{perp: [SOL/USDT]}}}}
"""
# A day without outages at any venue, and a window that is not a whole number of pages.
START = datetime(2025, 1, 25, 3, 17, tzinfo=UTC)
END = START + timedelta(minutes=1_700)
PLACES = [(venue, "spot") for venue in SPOT] + [("binance", "perp")]
FUNDING = {"binance": "binance__usdm_funding", "okx": "okx__swap_funding"}
PAGES = ("klines", "candles", "/kline", "fundingRate", "funding-rate-history")


@pytest.fixture
def narrow(ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    monkeypatch.setattr(venue_client, "BACKOFF_SECONDS", 0.02)
    file = tmp_path / "universe.yml"
    file.write_text(UNIVERSE)
    ingest.universe = load(file)
    return ingest


def times(ingest: Ingest, venue: str, market: str) -> set[int]:
    """Landed open times of the window, in ms; Coinbase has seconds."""
    factor = 1000 if venue == "coinbase" else 1
    landed = {int(row[0]) * factor for row in ingest.landed_bars(venue, market, "BTC/USDT", "1m")}
    return {time for time in landed if ms(START) <= time < ms(END)}


def truth(ingest: Ingest, venue: str, market: str) -> set[int]:
    return {bar.open_time for bar in ingest.market.bars(venue, market, "BTC/USDT", "1m", ms(START), ms(END))}


def payments(ingest: Ingest, venue: str) -> set[int]:
    bodies = [orjson.loads(page["payload"]) for page in ingest.pages(FUNDING[venue])]
    return {int(row["fundingTime"]) for body in bodies for row in (body if isinstance(body, list) else body["data"])}


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.mark.parametrize("far_end", [False, True])
def test_pages_that_a_venue_caps_leave_no_gap(narrow: Ingest, far_end: bool) -> None:
    """A third of the documented size; at the end where the venue starts its page, or at the other one."""
    ingest = narrow
    ingest.server.caps = tuple(Cap(path, 100 if "unding" not in path else 20, far_end) for path in PAGES)
    assert ingest.backfill(START, END, datasets=("bars",)).complete
    for place in PLACES:
        assert times(ingest, *place) == truth(ingest, *place), place
    bars = ingest.count("line") + ingest.count("candles")
    # Pages of at most 100; one more to find out the cap, and one where a window does not start with a row.
    assert bars <= 1.25 * sum(len(truth(ingest, *place)) / 100 + 1 for place in PLACES)
    assert ingest.plan(START, END, datasets=("bars",)).calls == 0

    since = NOW - timedelta(days=60)
    assert ingest.backfill(since, NOW, datasets=("funding",)).complete
    for venue in FUNDING:
        assert payments(ingest, venue) == {
            one.time for one in ingest.market.funding(venue, "SOL/USDT", ms(since), ms(NOW))
        }
    left = ingest.plan(since, NOW, datasets=("funding",)).requests
    assert all((request.start or 0) >= ms(NOW - timedelta(days=1)) for request in left)


def test_uncapped_pages_are_asked_for_once(narrow: Ingest) -> None:
    """Follow-up requests are only for edges without a row."""
    plan = narrow.plan(START, END, datasets=("bars",))
    narrow.land(plan)
    clocks = narrow.count("time")
    assert sum(narrow.server.journal.counts.values()) - clocks <= 1.05 * plan.calls + 1
    assert narrow.plan(START, END, datasets=("bars",)).calls == 0


def test_an_outage_is_proven_by_the_adjacent_row(narrow: Ingest) -> None:
    """Bybit has an outage of ten minutes on every 21st; a window starting in it costs one more call, not five."""
    (outage,) = outages_of_day("bybit", "spot", ms(datetime(2025, 1, 21, tzinfo=UTC)) // 86_400_000)
    start = datetime.fromtimestamp(outage.start_ms / 1000, UTC) + timedelta(minutes=3)
    chosen: dict[str, Any] = {"venues": ("bybit",), "datasets": ("bars",)}
    narrow.backfill(start, start + timedelta(minutes=30), **chosen)
    assert narrow.count("/kline") == 2
    assert narrow.plan(start, start + timedelta(minutes=30), **chosen).calls == 0
    windows = narrow.warehouse.rows(
        "select row_count, dateDiff('minute', window_start, window_end) from ops.coverage "
        "where venue = 'bybit' order by 1"
    )
    # The short one follows the schedule of dlt_pipelines.planning.outage_retries, because it has fewer rows than
    # minutes.
    assert windows[0][0] == 1
    assert int(str(windows[0][1])) > 1


def test_rows_from_before_the_window_do_not_prove_it_empty(narrow: Ingest) -> None:
    """Coinbase sends some along. A page that holds no others, such as a stale one, is asked for again as if empty."""
    chosen: dict[str, Any] = {"venues": ("coinbase",), "datasets": ("bars",)}
    window = (START, START + timedelta(minutes=60))
    early = [[ms(START) // 1000 - 120, 1, 1, 1, 1, 1]]
    narrow.server.fixed = (FixedAnswer("candles", "", early),)
    assert narrow.backfill(*window, **chosen).complete
    assert narrow.count("candles") == 1 + len(EMPTY_PAUSES)
    narrow.clear()
    narrow.server.fixed = (FixedAnswer("candles", "", [[1]]),)
    report = narrow.backfill(*window, **chosen)
    assert "a candle has 6 numbers" in report.failures[0].message
    assert narrow.plan(*window, **chosen).calls == 1


# Listings


def listing(ingest: Ingest, venue: str, market: str = "spot") -> list[tuple[Any, ...]]:
    return ingest.warehouse.rows(
        "select row_count, toString(proof), uniqExact(fetched_at) over () from ops.coverage "
        f"where dataset in ('instruments', 'fear_greed') and venue = '{venue}' and market = '{market}' "
        "order by 1 desc, 2"
    )


def due(ingest: Ingest, **chosen: tuple[str, ...]) -> int:
    return update.plan(ingest.settings, ingest.universe, Selection(**chosen), pace=None).calls


def test_every_page_of_a_listing_is_fetched(narrow: Ingest) -> None:
    narrow.server.caps = (Cap("instruments-info", 4, cursor=True),)
    chosen: dict[str, Any] = {"venues": ("bybit",), "datasets": ("instruments",)}
    assert narrow.backfill(START, END, **chosen).notices == []
    assert listing(narrow, "bybit") == [(4, "part", 1), (2, "whole", 1)]
    assert due(narrow, **chosen) == 0


def test_a_listing_that_lost_much_is_not_believed(narrow: Ingest) -> None:
    """At every venue."""
    chosen: dict[str, Any] = {"venues": SPOT, "datasets": ("instruments",), "markets": ("spot",)}
    narrow.backfill(START, END, **chosen)
    paths = ("exchangeInfo", "okx/api/v5/public/instruments", "instruments-info", "coinbase/products")
    narrow.server.caps = tuple(Cap(path, 3) for path in paths)
    report = narrow.update(force=True, **chosen)
    for venue in SPOT:
        assert any(
            f"{venue} returned 3 records" in notice and "list is incomplete" in notice for notice in report.notices
        )
        assert listing(narrow, venue)[1][:2] == (3, "part")


def test_a_short_history_of_the_index_is_asked_for_again(narrow: Ingest) -> None:
    chosen: dict[str, Any] = {"datasets": ("fear_greed",)}
    narrow.server.caps = (Cap("fng", 10),)
    report = narrow.update(**chosen)
    assert any("list is incomplete" in notice for notice in report.notices)
    assert due(narrow, **chosen) == 1
    narrow.server.caps = ()
    assert narrow.update(**chosen).notices == []
    assert [row[1] for row in listing(narrow, "alternative_me", "")] == ["whole", "part"]
    assert due(narrow, **chosen) == 0
