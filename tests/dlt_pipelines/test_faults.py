"""Faults of the venues: retried if that helps, otherwise reported clearly, never a gap."""

from datetime import timedelta
from typing import Any

import pytest

from dlt_pipelines import backfill
from dlt_pipelines.core.errors import VenueError
from dlt_pipelines.core.progress import Silent
from dlt_pipelines.http import venue_client
from dlt_pipelines.http.shared_limits import Ban
from replay.faults import Faults
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import Ingest

# Minutes: behind `make slow`, which CI runs.
pytestmark = pytest.mark.slow

LAST_CLOSED = NOW.replace(second=0)
START = LAST_CLOSED - timedelta(hours=20)
BTC: dict[str, Any] = {"datasets": ("bars",), "symbols": ("BTC/USDT",), "markets": ("spot",)}


def assert_complete(ingest: Ingest) -> None:
    for venue in ("binance", "okx", "bybit"):
        truth = ingest.true_bars(venue, "spot", "BTC/USDT", "1m", START, LAST_CLOSED)
        assert sorted(set(ingest.landed_bars(venue, "spot", "BTC/USDT", "1m"))) == truth, venue


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, a tenth as long, to keep the tests short."""
    monkeypatch.setattr(venue_client, "BACKOFF_SECONDS", 0.04)


@pytest.mark.parametrize("kind", ["429", "5xx", "html", "cut", "reset", "error_200", "empty", "slow"])
def test_faults_that_pass_leave_no_trace(ingest: Ingest, kind: str) -> None:
    ingest.server.faults = Faults(
        rate=0.4, kinds=(kind,), seed=5, path="kline", retry_after_seconds=0, slow_seconds=0.2
    )
    first = ingest.backfill(start=START, **BTC)
    ingest.server.faults = Faults(
        rate=0.4, kinds=(kind,), seed=6, path="candles", retry_after_seconds=0, slow_seconds=0.2
    )
    second = ingest.backfill(start=START, refetch=True, **BTC)

    assert first.complete
    assert second.complete
    assert ingest.server.journal.faults.total() > 0
    assert_complete(ingest)


def test_a_mix_of_everything_at_one_in_five(ingest: Ingest) -> None:
    kinds = ("429", "5xx", "html", "cut", "reset", "error_200", "slow")
    ingest.server.faults = Faults(rate=0.2, kinds=kinds, seed=11, retry_after_seconds=0, slow_seconds=0.1)
    report = ingest.backfill(start=START, datasets=("bars",))
    ingest.server.faults = Faults()

    assert report.complete
    assert set(report.faults) <= {"rate_limited", "server_fault", "broken_answer", "no_connection"}
    assert_complete(ingest)


def test_four_empty_responses_are_not_accepted(ingest: Ingest) -> None:
    ingest.server.faults = Faults(rate=1, kinds=("empty",), path="/okx/api/v5/market/", times=4)
    start = LAST_CLOSED - timedelta(hours=2)
    report = ingest.backfill(start=start, venues=("okx",), timeframes=("1m",), **BTC)

    assert report.complete
    truth = ingest.true_bars("okx", "spot", "BTC/USDT", "1m", start, LAST_CLOSED)
    assert ingest.landed_bars("okx", "spot", "BTC/USDT", "1m") == truth


def test_retry_after_is_honoured(ingest: Ingest) -> None:
    ingest.server.faults = Faults(
        rate=1, kinds=("429",), path="/binance-spot/api/v3/klines", times=1, retry_after_seconds=2
    )
    waits: list[float] = []

    class Watch(Silent):
        def fault(self, venue: str, trouble: VenueError, wait_seconds: float) -> None:
            waits.append(wait_seconds)

    report = backfill.run(ingest.plan(start=START, venues=("binance",), **BTC), Watch(), pace=None)

    assert report.complete
    assert report.faults == {"rate_limited": 1}
    assert waits[0] >= 2


@pytest.mark.parametrize(
    ("kind", "words"),
    [("418", "banned, until about"), ("403", "banned, until about"), ("451", "does not serve the region")],
)
def test_a_venue_that_bans_us_gets_no_further_requests(ingest: Ingest, kind: str, words: str) -> None:
    plan = ingest.plan(start=START, datasets=("bars",))
    ingest.server.journal.clear()
    ingest.server.faults = Faults(rate=1, kinds=(kind,), path="/okx")

    report = ingest.land(plan)

    assert [failure.subject for failure in report.failures] == ["okx"]
    assert words in report.failures[0].message
    assert ingest.count("/okx") <= 2 * 32  # what was in flight when the first response came
    assert ("binance", "bars") in report.by

    ingest.server.faults = Faults()
    if kind != "451":
        ingest.server.journal.clear()
        during_the_ban = ingest.backfill(start=START, datasets=("bars",))
        assert "okx has banned this address until" in during_the_ban.failures[0].message
        assert ingest.count("/okx") == 0
        Ban(ingest.settings.home, "okx").file.unlink()
    assert ingest.backfill(start=START, datasets=("bars",)).complete
    assert_complete(ingest)


def test_a_symbol_that_a_venue_does_not_know_is_named_and_the_others_go_on(ingest: Ingest) -> None:
    bars = {
        venue: {
            market: [*symbols, "NOSUCH/USDT"] if market == "spot" else symbols for market, symbols in markets.items()
        }
        for venue, markets in ingest.universe.bars.items()
    }
    ingest.universe = ingest.universe.model_copy(update={"bars": bars})

    report = ingest.backfill(start=START, datasets=("bars",), timeframes=("1m",), markets=("spot",))

    assert sorted(failure.subject for failure in report.failures) == [
        f"bars {venue} spot NOSUCH/USDT 1m" for venue in ("binance", "bybit", "okx")
    ]
    assert {failure.kind for failure in report.failures} == {"unknown_symbol"}
    assert_complete(ingest)


def test_an_unavailable_venue_does_not_stop_the_others(ingest: Ingest) -> None:
    ingest.settings = ingest.settings.model_copy(update={"bybit_url": "http://127.0.0.1:9"})

    report = ingest.backfill(start=START, **BTC)

    assert {failure.kind for failure in report.failures} == {"no_connection"}
    assert any("time of bybit is unavailable" in notice for notice in report.notices)
    assert {venue for venue, _ in report.by} == {"binance", "okx"}

    ingest.settings = ingest.settings.model_copy(update={"bybit_url": ingest.server.environment["MDW_BYBIT_URL"]})
    assert ingest.backfill(start=START, **BTC).complete
    assert_complete(ingest)


def test_a_listing_with_nothing_in_it_is_not_believed(ingest: Ingest) -> None:
    ingest.server.faults = Faults(rate=1, kinds=("empty",), path="/fng", times=2)
    report = ingest.backfill(datasets=("fear_greed",))
    assert report.faults == {"broken_answer": 2}
    assert report.pages == 1
