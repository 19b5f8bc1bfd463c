"""Genuine archive files that lack hours or days: they cover what their rows prove, and REST supplies the rest."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from dlt_pipelines.archive.proof import Stretch, missing, stretches
from dlt_pipelines.core.series import Series
from mdw.cli.entry_point import app
from mdw.metrics.reading import samples
from replay.archives.tricks import Trick
from tests.archive.conftest import NOW
from tests.archive.older import as_landed_before
from tests.ingest import Ingest

DAY = timedelta(days=1)
NOVEMBER, DECEMBER = datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 12, 1, tzinfo=UTC)
BTC = {"symbols": ("BTC/USDT",)}
SPOT_HOURS: dict[str, Any] = {**BTC, "venues": ("binance",), "markets": ("spot",), "timeframes": ("1h",)}
SPOT_MINUTES: dict[str, Any] = {**SPOT_HOURS, "timeframes": ("1m",)}
OKX_MINUTES: dict[str, Any] = {**BTC, "venues": ("okx",), "timeframes": ("1m",)}
BINANCE_FUNDING: dict[str, Any] = {**BTC, "datasets": ("funding",), "venues": ("binance",)}
OKX_FUNDING: dict[str, Any] = {**BTC, "datasets": ("funding",), "venues": ("okx",)}
HOUR = 3_600_000
BARS = Series("bars", "binance", "spot", "BTC/USDT", "1h")
FUNDING = Series("funding", "binance", "perp", "BTC/USDT")


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def found(series: Series, hours: list[int], conflicts: tuple[int, ...] = (), end: int = 48) -> list[tuple[int, int]]:
    """Unproven windows of a period of 48 hours, in hours; a window after a payment begins a ms later."""
    times = np.array(hours, np.int64) * HOUR
    cut = stretches(series, (0, end * HOUR), times, np.array(conflicts, np.int64) * HOUR)
    assert [row for one in cut for row in range(one.first, one.last)] == [*range(len(hours))]
    return [(start // HOUR, stop // HOUR) for start, stop in missing((0, end * HOUR), cut)]


@pytest.mark.parametrize(
    ("series", "hours", "conflicts", "expected"),
    [
        (BARS, [*range(48)], (), []),
        (BARS, [*range(7)], (), [(7, 48)]),
        (BARS, [*range(9, 48)], (), [(0, 9)]),
        (BARS, [*range(10), *range(12, 48)], (), [(10, 12)]),
        (BARS, [0, 1, 1, *range(2, 48)], (), []),
        (BARS, [*range(5), 4, *range(5, 48)], (4,), [(4, 5)]),
        # Rows in another order cover all or nothing.
        (BARS, [*range(47, -1, -1)], (), []),
        (BARS, [*range(47, 3, -1)], (), [(0, 48)]),
        (FUNDING, [0, 8, 16, 24, 32, 40], (), []),
        (FUNDING, [0, 8, 16, 24], (), [(24, 48)]),
        (FUNDING, [0, 8, 24, 32, 40], (), [(8, 24)]),
        # A changing interval, and a missing payment.
        (FUNDING, [0, 8, 16, 20, 24, 28, 32, 36, 40, 44], (), []),
        (FUNDING, [0, 4, 8, 16, 20, 24, 28, 32, 36, 40, 44], (), [(8, 16)]),
    ],
)
def test_rows_prove_the_range_between_them(
    series: Series, hours: list[int], conflicts: tuple[int, ...], expected: list[tuple[int, int]]
) -> None:
    assert found(series, hours, conflicts) == expected


def test_a_file_with_many_gaps_covers_nothing() -> None:
    """Its period is then requested by REST in pages, not gap by gap."""
    hours = [*range(0, 400, 2)]
    assert stretches(BARS, (0, 400 * HOUR), np.array(hours) * HOUR, np.array([], np.int64)) == [Stretch(0, 200, None)]


@pytest.mark.parametrize(
    ("market", "trick"), [("spot", "short"), ("spot", "no_middle"), ("spot", "no_day"), ("perp", "no_middle")]
)
def test_what_a_file_lacks_comes_by_rest_at_once(ingest: Ingest, market: str, trick: str) -> None:
    chosen = SPOT_MINUTES | {"markets": (market,)}
    ingest.trick(Trick(trick, "monthly/"))
    report = ingest.backfill(NOVEMBER, DECEMBER, "auto", **chosen)
    assert report.complete
    assert any("BTCUSDT-1m-2024-11.zip lacks" in text and "requested from REST" in text for text in report.notices)
    lanes = dict(ingest.warehouse.rows("select lane, sum(row_count) from ops.coverage group by 1"))
    truth = ingest.market.bars("binance", market, "BTC/USDT", "1m", ms(NOVEMBER), ms(DECEMBER))
    assert len(truth) <= lanes["archive"] + lanes["rest"] <= len(truth) + 1_100
    # The outage of the 11th was requested as well, with the minutes around it, and REST has none either.
    assert ingest.plan(NOVEMBER, DECEMBER, "auto", **chosen).calls == 0
    assert ingest.plan(NOVEMBER, DECEMBER, "auto", **chosen).files == []


def test_payments_that_a_file_of_binance_lacks_come_by_rest(ingest: Ingest) -> None:
    ingest.trick(Trick("no_middle", "fundingRate"))
    report = ingest.backfill(NOVEMBER, DECEMBER, "archive", **BINANCE_FUNDING)
    assert any("fundingRate-2024-11.zip lacks payments (2024-11-" in text for text in report.notices)
    requests = ingest.plan(NOVEMBER, DECEMBER, "auto", **BINANCE_FUNDING).requests
    truth = [one.time for one in ingest.market.funding("binance", "BTC/USDT", ms(NOVEMBER), ms(DECEMBER))]
    quarter = len(truth) // 4
    lost = truth[2 * quarter : 3 * quarter]
    assert all(any((one.start or 0) <= time < (one.end or 0) for one in requests) for time in lost)
    assert ingest.backfill(NOVEMBER, DECEMBER, "auto", **BINANCE_FUNDING).complete
    bodies = [json.loads(page["payload"]) for page in ingest.pages("binance__usdm_funding")]
    assert set(lost) <= {row["fundingTime"] for body in bodies for row in body}
    assert ingest.plan(NOVEMBER, DECEMBER, "auto", **BINANCE_FUNDING).calls == 0


def test_the_archive_lane_reports_what_is_left_and_rest_or_a_new_file_lands_it(ingest: Ingest) -> None:
    ingest.trick(Trick("short", "2024-11.zip"))
    report = ingest.backfill(NOVEMBER, DECEMBER, "archive", **SPOT_HOURS)
    assert any(
        "lacks 541 bars (2024-11-08T" in text and "--lane auto requests it from REST" in text for text in report.notices
    )
    # Published day files fill the days; without them the month is requested by REST, also by update.
    left = ingest.plan(NOVEMBER, DECEMBER, "archive", **SPOT_HOURS)
    assert {file.span for file in left.files} == {"daily"}
    assert [request.end for request in ingest.plan(NOVEMBER, DECEMBER, "auto", **SPOT_HOURS).requests][-1] == ms(
        DECEMBER
    )

    ingest.trick()
    again = ingest.plan(NOVEMBER, DECEMBER, "archive", recheck=True, **SPOT_HOURS)
    assert "BTCUSDT-1h-2024-11.zip" in {file.name for file in again.files}


def test_okx_files_and_funding_that_rest_has_no_more(ingest: Ingest) -> None:
    ingest.trick(Trick("short", "BTC-USDT-candlesticks-2024-11"), Trick("no_middle", "fundingrates-2024-07"))
    assert ingest.backfill(NOVEMBER, DECEMBER - DAY, "auto", **OKX_MINUTES).complete
    assert ingest.plan(NOVEMBER, DECEMBER - DAY, "auto", **OKX_MINUTES).calls == 0
    start = datetime(2024, 6, 1, tzinfo=UTC)
    report = ingest.backfill(start, NOW - timedelta(minutes=1), "auto", **OKX_FUNDING)
    assert any("lacks payments (2024-07-" in text and "still to be fetched" in text for text in report.notices)
    again = ingest.plan(start, NOW - timedelta(minutes=1), "auto", **OKX_FUNDING)
    assert again.files == []
    assert any("has landed and lacks payments" in text and "REST no longer has it" in text for text in again.notices)


def counted_records(ingest: Ingest) -> list[float]:
    """Records of the archive lane as counted by `mdw status` and the metrics."""
    shown = CliRunner().invoke(app, ["status", "--json"], env=ingest.warehouse.environment, catch_exceptions=False)
    landed = [one["records"] for one in json.loads(shown.stdout)["landed"]]
    metrics = [one.value for one in samples(ingest.settings) if one.name == "mdw_rows_landed_total"]
    assert landed
    return [*landed, *metrics]


def test_claims_of_older_software_are_found_and_asked_for_again(ingest: Ingest) -> None:
    ingest.trick(Trick("no_middle", "2024-11.zip"))
    ingest.backfill(NOVEMBER - 31 * DAY, DECEMBER, "archive", **SPOT_HOURS)
    as_landed_before(ingest, "binance__archive_spot_klines")
    before, counted = ingest.files(), counted_records(ingest)
    window = (NOVEMBER - 31 * DAY, DECEMBER)
    assert ingest.plan(*window, "rest", **SPOT_HOURS).calls == 0

    looked = ingest.plan(*window, "auto", recheck_claims=True, dry_run=True, **SPOT_HOURS)
    assert ingest.warehouse.rows("select count() from ops.corrected_claims") == [(0,)]
    plan = ingest.plan(*window, "auto", recheck_claims=True, **SPOT_HOURS)
    assert plan.requests == looked.requests
    # A page that proves several windows, or was checked by two runs at once, is still one page.
    with ingest.warehouse.client() as client:
        client.command(
            "insert into ops.corrected_claims (page_id, window_start, window_end) "
            "select page_id, window_start, window_end from ops.corrected_claims"
        )
    windows = "select max(windows) > 1 from (select count() as windows from ops.coverage group by page_id)"
    assert ingest.warehouse.rows(windows) == [(1,)]
    assert counted_records(ingest) == counted
    assert any("claim time that their rows do not prove" in notice for notice in plan.notices)
    # A run that dies here loses nothing: the same command plans the same again.
    assert ingest.plan(*window, "auto", recheck_claims=True, **SPOT_HOURS).requests == plan.requests
    assert ingest.land(plan).complete
    assert ingest.plan(*window, "auto", recheck_claims=True, **SPOT_HOURS).calls == 0
    assert ingest.files() == before
    truth = ingest.market.bars("binance", "spot", "BTC/USDT", "1h", ms(NOVEMBER), ms(DECEMBER))
    rest = ingest.landed_bars("binance", "spot", "BTC/USDT", "1h")
    assert {bar.open_time for bar in truth if ms(NOVEMBER + 15 * DAY) < bar.open_time < ms(NOVEMBER + 22 * DAY)} <= {
        int(row[0]) for row in rest
    }
