"""A failing symbol never prevents others from landing; a venue that is down is given up soon."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dlt_pipelines.core.errors import (
    Banned,
    Refused,
    RegionBlocked,
    ServerFault,
    UnknownErrorCode,
    UnknownSymbol,
    VenueError,
)
from dlt_pipelines.core.progress import LandingReport
from dlt_pipelines.core.series import Series
from dlt_pipelines.http import venue_client
from dlt_pipelines.http.circuit_breaker import SERIES_ATTEMPTS, CircuitBreaker
from dlt_pipelines.http.response import Response, decode
from dlt_pipelines.http.shared_limits import Ban
from dlt_pipelines.planning.plan import Plan
from dlt_pipelines.planning.universe import load
from dlt_pipelines.venues import VENUES
from replay.faults import HTML, Faults, FixedAnswer
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import Ingest

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
UNIVERSE = f"""
version: 1
history: {{start: 2024-10-01T00:00:00Z}}
timeframes: [1m, 1h]
bars:
  binance: {{spot: &symbols [{", ".join(SYMBOLS)}], perp: *symbols}}
  okx: {{spot: *symbols}}
  bybit: {{spot: *symbols}}
  coinbase: {{spot: *symbols}}
funding: {{binance: {{perp: *symbols}}, okx: {{perp: *symbols}}}}
"""
END = NOW.replace(second=0)
START = END - timedelta(days=2)

# What each endpoint answers for BTC/USDT only, and the part that the report must quote.
TROUBLE = {
    ("bars", "binance", "spot"): (FixedAnswer("binance-spot/api/v3/klines", "symbol=BTCUSDT&", HTML, 500), "500"),
    ("bars", "binance", "perp"): (
        # Too many requests, for this symbol only: it delays everything that shares its limit for a while, and no
        # longer.
        FixedAnswer("binance-usdm/fapi/v1/klines", "symbol=BTCUSDT&", {"code": -1003, "msg": "Too many"}, 429),
        "429, too many requests",
    ),
    ("bars", "okx", "spot"): (
        FixedAnswer("/okx/api/v5/market/", "instId=BTC-USDT&", {"code": "59999", "msg": "Out of hours", "data": []}),
        "59999 Out of hours",
    ),
    ("bars", "bybit", "spot"): (
        FixedAnswer(
            "/bybit/v5/market/kline",
            "symbol=BTCUSDT&",
            {"retCode": 10029, "retMsg": "The requested symbol is invalid, please check symbol whitelist"},
        ),
        "please check symbol whitelist",
    ),
    ("bars", "coinbase", "spot"): (
        FixedAnswer("/coinbase/products/BTC-USDT/candles", "", {"message": "Product is being migrated"}),
        "Product is being migrated",
    ),
    ("funding", "binance", "perp"): (
        FixedAnswer("fundingRate", "symbol=BTCUSDT&", {"code": -4999, "msg": "No rates"}, 400),
        "-4999 No rates",
    ),
    ("funding", "okx", "perp"): (
        FixedAnswer("funding-rate-history", "instId=BTC-USDT-SWAP&", '{"code":"0"'),
        "truncated",
    ),
    ("instruments", "bybit", "spot"): (
        FixedAnswer("instruments-info", "", {"retCode": 181000, "retMsg": "category is moving"}),
        "category is moving",
    ),
}


@pytest.fixture
def three(ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    monkeypatch.setattr(venue_client, "BACKOFF_SECONDS", 0.02)
    file = tmp_path / "universe.yml"
    file.write_text(UNIVERSE)
    ingest.universe = load(file)
    return ingest


def place(series: Series) -> tuple[str, str, str]:
    return series.dataset, series.venue, series.market


def in_trouble(series: Series) -> bool:
    return place(series) in TROUBLE and (series.symbol == "BTC/USDT" or not series.windowed)


def asked(plan: Plan) -> set[Series]:
    """Without payments of the last day, which may not be settled yet: every run requests them again."""
    unsettled = (NOW - timedelta(days=1)).timestamp() * 1000
    return {
        request.series
        for request in plan.requests
        if request.series.dataset != "funding" or (request.start or 0) < unsettled
    }


def assert_named(report: LandingReport, expected: set[Series]) -> None:
    assert not report.complete
    assert {failure.subject for failure in report.failures} == {str(series) for series in expected}
    words = {failure.subject: failure.message for failure in report.failures}
    for series in expected:
        assert TROUBLE[place(series)][1] in words[str(series)]


def assert_whole(ingest: Ingest, *symbols: str) -> None:
    # Coinbase and OKX have open times in seconds, or other columns, so coverage is compared instead.
    places = (("binance", "spot"), ("binance", "perp"), ("okx", "spot"), ("bybit", "spot"))
    for symbol in symbols:
        for venue, market in places:
            truth = ingest.true_bars(venue, market, symbol, "1m", START, END)
            assert sorted(set(ingest.landed_bars(venue, market, symbol, "1m"))) == truth, (venue, market, symbol)


def test_every_other_symbol_is_complete_after_one_run(three: Ingest) -> None:
    three.server.fixed = tuple(answer for answer, _ in TROUBLE.values())
    plan = three.plan(START, END)
    expected = {request.series for request in plan.requests if in_trouble(request.series)}
    assert len(expected) == 5 * 2 + 2 + 1
    assert_named(three.land(plan), expected)
    # Three windows of a series and those in flight, eight attempts each: not all of its windows.
    assert sum(entry["query"].get("instId") == "BTC-USDT" for entry in three.server.journal.last) <= 60
    assert_whole(three, "ETH/USDT", "SOL/USDT")

    again = three.plan(START, END)
    assert asked(again) == expected
    three.server.journal.clear()
    assert_named(three.land(again), expected)
    assert three.count("candles") + three.count("line") > 0

    three.server.fixed = ()
    assert three.backfill(START, END).complete
    assert_whole(three, *SYMBOLS)
    assert asked(three.plan(START, END)) == set()


# As from a banned or blocked address, but for one symbol only: a firewall or a rule of a country objects to it.
REFUSED = {
    "binance": (FixedAnswer("binance-spot/api/v3/klines", "symbol=BTCUSDT&", HTML, 403), "403 to this request"),
    "okx": (FixedAnswer("/okx/api/v5/market/", "instId=BTC-USDT&", {"msg": "Not in your country"}, 451), "451 to this"),
    "bybit": (
        FixedAnswer("/bybit/v5/market/kline", "symbol=BTCUSDT&", {"retCode": 10024, "retMsg": "Compliance rules"}),
        "10024",
    ),
    "coinbase": (FixedAnswer("/coinbase/products/BTC-USDT/candles", "", {"message": "Forbidden"}, 403), "Forbidden"),
}


def test_a_symbol_that_is_refused_like_a_banned_address_is_no_ban(three: Ingest) -> None:
    three.server.fixed = tuple(answer for answer, _ in REFUSED.values())
    chosen: dict[str, Any] = {"datasets": ("bars",), "markets": ("spot",), "timeframes": ("1m",)}
    report = three.backfill(START, END, **chosen)
    words = {failure.subject: failure.message for failure in report.failures}
    assert set(words) == {f"bars {venue} spot BTC/USDT 1m" for venue in REFUSED}
    for venue, (_, text) in REFUSED.items():
        assert text in words[f"bars {venue} spot BTC/USDT 1m"]
        assert Ban(three.settings.home, venue).until() is None
    for symbol in ("ETH/USDT", "SOL/USDT"):
        for venue in ("binance", "okx", "bybit"):
            truth = three.true_bars(venue, "spot", symbol, "1m", START, END)
            assert sorted(set(three.landed_bars(venue, "spot", symbol, "1m"))) == truth, (venue, symbol)
    assert {request.series.symbol for request in three.plan(START, END, **chosen).requests} == {"BTC/USDT"}


def test_an_unavailable_venue_costs_a_bounded_number_of_requests(three: Ingest) -> None:
    three.server.faults = Faults(rate=1, kinds=("500",), path="/okx")
    began = time.monotonic()
    report = three.backfill(START, END, datasets=("bars",), venues=("okx", "bybit"))
    assert time.monotonic() - began < 30
    assert any(
        "okx gave no valid response for 3 instruments in a row" in failure.message for failure in report.failures
    )
    # The clock's attempts, then at most 16 concurrent windows for each of three limits, each tried 8 times.
    assert three.count("/okx") <= 8 * (1 + 3 * 16) + 3 * 16
    for symbol in SYMBOLS:
        truth = three.true_bars("bybit", "spot", symbol, "1m", START, END)
        assert sorted(set(three.landed_bars("bybit", "spot", symbol, "1m"))) == truth
    three.server.faults = Faults()
    assert three.backfill(START, END, datasets=("bars",), venues=("okx", "bybit")).complete


def series(symbol: str, timeframe: str = "1m") -> Series:
    return Series("bars", "okx", "spot", symbol, timeframe)


def test_retries_distinguish_a_series_from_a_venue() -> None:
    breaker = CircuitBreaker()
    for _ in range(SERIES_ATTEMPTS):
        began = time.monotonic()
        breaker.answered(series("ETH/USDT"))
        breaker.gave_up(series("BTC/USDT"), began)
    assert breaker.series_failed(series("BTC/USDT"))
    assert not breaker.series_failed(series("ETH/USDT"))
    assert not breaker.venue_is_down
    # Both timeframes of one instrument count once.
    for one in (series("A/USDT"), series("A/USDT", "1h"), series("BTC/USDT"), series("C/USDT")):
        breaker.gave_up(one, time.monotonic())
    assert not breaker.venue_is_down
    breaker.gave_up(series("D/USDT"), time.monotonic())
    assert breaker.venue_is_down
    breaker.answered(series("ETH/USDT"), ok=False)
    assert not breaker.venue_is_down


@pytest.mark.parametrize(
    ("venue", "status", "body", "kind"),
    [
        ("binance", 200, {"code": -9999, "msg": "?"}, UnknownErrorCode),
        ("binance", 400, {"code": -9999, "msg": "?"}, Refused),
        ("binance", 503, {"code": -1008, "msg": "busy"}, ServerFault),
        ("bybit", 200, {"retCode": 10029, "retMsg": "symbol whitelist"}, UnknownSymbol),
        ("bybit", 200, {"retCode": 10016, "retMsg": "System error"}, ServerFault),
        ("bybit", 200, {"retCode": 10009, "retMsg": "IP has been banned"}, Banned),
        ("bybit", 200, {"retCode": 10024, "retMsg": "Compliance rules triggered"}, RegionBlocked),
        ("bybit", 200, {"retCode": 99999, "retMsg": "?"}, UnknownErrorCode),
        ("okx", 200, {"code": "51001", "msg": "Instrument ID does not exist", "data": []}, UnknownSymbol),
        ("okx", 200, {"code": "51999", "msg": "?", "data": []}, Refused),
        ("okx", 503, {"code": "50001", "msg": "Service temporarily unavailable", "data": []}, ServerFault),
        ("okx", 200, {"code": "59999", "msg": "?", "data": []}, UnknownErrorCode),
        ("coinbase", 200, {"message": "?"}, UnknownErrorCode),
        ("coinbase", 404, {"message": "NotFound"}, UnknownSymbol),
        ("alternative_me", 200, {"metadata": {"error": "?"}, "data": []}, UnknownErrorCode),
    ],
)
def test_what_error_codes_are_about(venue: str, status: int, body: dict[str, object], kind: type[VenueError]) -> None:
    with pytest.raises(VenueError) as trouble:
        VENUES[venue].check(status, body)
    assert type(trouble.value) is kind


@pytest.mark.parametrize(
    ("venue", "body"),
    [
        ("binance", {"code": -9999, "msg": "LONG"}),
        ("bybit", {"retCode": 99999, "retMsg": "LONG"}),
        ("okx", {"code": "59999", "msg": "LONG", "data": []}),
        ("coinbase", {"message": "LONG"}),
        ("alternative_me", {"metadata": {"error": "LONG"}, "data": []}),
    ],
)
def test_what_a_venue_says_is_one_line_of_limited_length(venue: str, body: dict[str, object]) -> None:
    """It is printed with each retry, stored with the run, and sent as an alert."""
    long = json.dumps(body).replace("LONG", "words of a venue\\n" * 200_000)
    with pytest.raises(UnknownErrorCode) as trouble:
        decode(VENUES[venue], Response(200, {}, long))
    text = str(trouble.value)
    assert "words of a venue words of a venue" in text
    assert len(text) <= 1_001
    assert len(text.splitlines()) == 1
