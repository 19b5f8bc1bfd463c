"""What lands in raw: everything requested, exactly as sent, once."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import to_ms
from dlt_pipelines.rest.page_loader import PageLoader
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import Ingest

LAST_CLOSED = NOW.replace(second=0)
ORIGINS = {"binance__spot_klines": "/binance-spot", "okx__spot_candles": "/okx", "bybit__spot_klines": "/bybit"}


def test_every_dataset_of_the_universe_lands(ingest: Ingest) -> None:
    report = ingest.backfill(hours=26)

    assert report.complete
    assert report.by.keys() == {
        ("binance", "bars"),
        ("okx", "bars"),
        ("bybit", "bars"),
        ("binance", "funding"),
        ("okx", "funding"),
        ("binance", "instruments"),
        ("okx", "instruments"),
        ("bybit", "instruments"),
        ("alternative_me", "fear_greed"),
    }
    landed = ingest.warehouse.rows(
        "select uniqExact(venue, market, symbol, timeframe) from ops.coverage where dataset = 'bars'"
    )
    assert landed == [(len([s for s in ingest.universe.series() if s.dataset == "bars"]),)]


@pytest.mark.parametrize(
    ("venue", "market", "symbol"),
    [
        ("binance", "spot", "SOL/BTC"),
        ("binance", "perp", "BNB/USDT"),
        ("okx", "spot", "ETH/BTC"),
        ("bybit", "spot", "BTC/USDT"),
    ],
)
def test_bars_are_all_there_once_with_the_venue_s_own_digits(
    ingest: Ingest, venue: str, market: str, symbol: str
) -> None:
    # 70 hours of minutes are several pages at every venue, the first and the last one short.
    ingest.backfill(hours=70, datasets=("bars",), venues=(venue,), markets=(market,), symbols=(symbol,))

    for timeframe, last in (("1m", LAST_CLOSED), ("1h", LAST_CLOSED.replace(minute=0))):
        first = NOW - timedelta(hours=70)
        first = (
            first.replace(second=0) + timedelta(minutes=1)
            if timeframe == "1m"
            else first.replace(minute=0, second=0) + timedelta(hours=1)
        )
        truth = ingest.true_bars(venue, market, symbol, timeframe, first, last)
        assert ingest.landed_bars(venue, market, symbol, timeframe) == truth


@pytest.mark.parametrize(("venue", "rows"), [("binance", 1000), ("okx", 300), ("bybit", 1000)])
def test_exactly_full_pages_need_no_second_question(ingest: Ingest, venue: str, rows: int) -> None:
    # 2025-01-20 00:00 is not a boundary of the page grid: the window covers the end of one page and all of the next
    # one.
    border = datetime.fromtimestamp(1737331200 // (rows * 60) * rows * 60, UTC)
    end = border + timedelta(minutes=2 * rows)
    ingest.backfill(
        start=border, until=end, datasets=("bars",), venues=(venue,), markets=("spot",),
        symbols=("BTC/USDT",), timeframes=("1m",),
    )  # fmt: skip

    truth = ingest.true_bars(venue, "spot", "BTC/USDT", "1m", border, end)
    assert ingest.landed_bars(venue, "spot", "BTC/USDT", "1m") == truth
    assert ingest.count("candles" if venue == "okx" else "kline") == 2


@pytest.mark.parametrize("table", list(ORIGINS))
def test_the_payload_is_what_the_venue_sent(ingest: Ingest, table: str) -> None:
    ingest.backfill(hours=3, until=LAST_CLOSED - timedelta(hours=24), datasets=("bars",), timeframes=("1m",))

    for page in ingest.pages(table)[:4]:
        url = (
            ingest.server.url + ORIGINS[table] + page["endpoint"] + "?" + urlencode(json.loads(page["request_params"]))
        )
        with urlopen(url) as answer:
            sent = answer.read().decode()
        if table.startswith("bybit"):  # its body contains the time of the response, which is fixed here
            assert json.loads(sent)["time"] == int(NOW.timestamp() * 1000)
        assert page["payload"] == sent
        assert page["payload_sha256"] == hashlib.sha256(sent.encode()).hexdigest()
        assert page["row_count"] == 180
        assert page["http_status"] == 200
        assert page["server_time"].replace(tzinfo=UTC) == NOW


def test_any_text_arrives_byte_for_byte(ingest: Ingest) -> None:
    text = '{"a": "quote \\" backslash \\\\ tab\\t",\n\r "b": "é日本🙂\u2028\x7f", "c": " \' `$x` {y} %s NULL \\N"}  \n'
    page = Page(
        Series("fear_greed", "alternative_me", ""), "fear_greed", "", "/fng/", {"limit": "0"}, None, None, 200,
        datetime.now(UTC), None, 1, text,
    )  # fmt: skip
    with PageLoader(ingest.settings.connection("ingest"), ingest.settings.home) as landing:
        landing.load("alternative_me", [page])

    (landed,) = ingest.pages("alternative_me__fear_greed")
    assert landed["payload"] == text
    assert landed["window_start"] is None
    assert landed["server_time"] is None


def test_bybit_is_always_asked_for_spot(ingest: Ingest) -> None:
    ingest.backfill(hours=2, venues=("bybit",))

    asked = [
        entry
        for entry in ingest.server.journal.last
        if entry["path"].startswith("/bybit") and "time" not in entry["path"]
    ]
    assert asked
    assert all(entry["query"].get("category") == "spot" for entry in asked)


def test_a_second_run_lands_nothing(ingest: Ingest) -> None:
    ingest.backfill(hours=30)
    before = ingest.warehouse.rows("select count() from ops.coverage")
    ingest.server.journal.clear()

    again = ingest.backfill(hours=30)

    assert (again.pages, again.rows) == (0, 0)
    assert ingest.warehouse.rows("select count() from ops.coverage") == before
    assert ingest.count("kline") + ingest.count("candles") + ingest.count("nfo") + ingest.count("fng") == 0


def test_refetch_asks_again_for_what_is_covered(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {
        "datasets": ("bars",),
        "venues": ("okx",),
        "symbols": ("BTC/USDT",),
        "timeframes": ("1m",),
    }
    ingest.backfill(hours=5, **narrowed)
    again = ingest.backfill(hours=5, refetch=True, **narrowed)
    assert again.pages > 0


def test_the_open_bar_is_neither_landed_nor_covered(ingest: Ingest) -> None:
    ingest.backfill(hours=3, datasets=("bars",))

    late = ingest.warehouse.rows(
        "select venue, symbol, timeframe, window_end from ops.coverage where dataset = 'bars'"
        " and window_end > {now:DateTime} - if(timeframe = '1h', 40 * 60 + 30, 30)",
        now=NOW.replace(tzinfo=None),
    )
    assert late == []
    newest = ingest.landed_bars("binance", "spot", "BTC/USDT", "1m")[-1][0]
    assert int(newest) == int(LAST_CLOSED.timestamp() * 1000) - 60_000


def test_an_update_brings_the_bars_that_closed_since(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {"datasets": ("bars",), "symbols": ("ETH/USDT",)}
    ingest.backfill(hours=2, **narrowed)
    ingest.server.clock.advance(3600)

    report = ingest.update(**narrowed)

    assert report.complete
    truth = ingest.true_bars(
        "okx",
        "spot",
        "ETH/USDT",
        "1m",
        NOW.replace(second=0) - timedelta(minutes=119),
        LAST_CLOSED + timedelta(hours=1),
    )
    assert ingest.landed_bars("okx", "spot", "ETH/USDT", "1m") == truth


def test_an_update_fills_a_gap(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {
        "datasets": ("bars",),
        "venues": ("bybit",),
        "symbols": ("SOL/BTC",),
        "timeframes": ("1m",),
    }
    ingest.backfill(start=NOW - timedelta(hours=9), until=NOW - timedelta(hours=8), **narrowed)
    ingest.backfill(start=NOW - timedelta(hours=3), until=NOW - timedelta(hours=2), **narrowed)

    ingest.update(**narrowed)

    truth = ingest.true_bars("bybit", "spot", "SOL/BTC", "1m", LAST_CLOSED - timedelta(minutes=539), LAST_CLOSED)
    assert ingest.landed_bars("bybit", "spot", "SOL/BTC", "1m") == truth


def test_listings_are_due_once_a_day(ingest: Ingest) -> None:
    listings: dict[str, Any] = {"datasets": ("instruments", "fear_greed")}
    assert ingest.update(**listings).pages == 6
    assert ingest.update(**listings).pages == 0
    assert ingest.update(force=True, **listings).pages == 6


def test_funding_is_complete_and_asked_for_again_only_at_its_end(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {"datasets": ("funding",), "symbols": ("BTC/USDT",)}
    ingest.backfill(hours=24 * 80, **narrowed)
    start = int((NOW - timedelta(hours=24 * 80)).timestamp() * 1000)
    for venue, table in (("binance", "binance__usdm_funding"), ("okx", "okx__swap_funding")):
        bodies = [json.loads(page["payload"]) for page in ingest.pages(table)]
        rows = [row for body in bodies for row in (body if isinstance(body, list) else body["data"])]
        truth = [event.time for event in ingest.market.funding(venue, "BTC/USDT", start, int(NOW.timestamp() * 1000))]
        # The last row of a page is fetched again with what follows it.
        assert sorted({int(row["fundingTime"]) for row in rows}) == truth

    ingest.server.clock.advance(8 * 3600)
    report = ingest.update(**narrowed)

    assert report.by[("okx", "funding")]["rows"] == 1
    assert report.by[("binance", "funding")]["rows"] == 1


def test_funding_that_okx_no_longer_serves_is_not_covered(ingest: Ingest) -> None:
    narrowed: dict[str, Any] = {"datasets": ("funding",), "venues": ("okx",), "symbols": ("BTC/USDT",)}
    ingest.backfill(hours=24 * 200, **narrowed)
    ingest.backfill(start=NOW - timedelta(days=600), until=NOW - timedelta(days=300), **narrowed)

    bodies = [json.loads(page["payload"]) for page in ingest.pages("okx__swap_funding")]
    oldest = min(int(row["fundingTime"]) for body in bodies for row in body["data"])
    ((claimed, empty),) = ingest.warehouse.rows(
        "select toUnixTimestamp64Milli(min(window_start)), countIf(row_count = 0 and window_end < {reach:DateTime})"
        " from ops.coverage where dataset = 'funding'",
        reach=(NOW - timedelta(days=89)).replace(tzinfo=None, microsecond=0),
    )
    # There is nothing between the requested start and the first record: they are less than one payment apart.
    assert 0 <= oldest - claimed < 8 * 3_600_000
    assert claimed >= to_ms(NOW - timedelta(days=92))
    assert empty == 0
