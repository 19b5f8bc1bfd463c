"""Windows: what is missing, split at boundaries that all plans share, never beyond the last closed bar."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipelines import backfill
from dlt_pipelines.core.intervals import subtract
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.venue import PageSummary
from dlt_pipelines.planning.page_requests import window_requests
from dlt_pipelines.recheck_claims import correction, requestable
from dlt_pipelines.rest.paging import Piece, divide
from dlt_pipelines.venues import VENUES
from tests.dlt_pipelines.conftest import NOW
from tests.ingest import Ingest
from warehouse.errors import BadInput

MINUTE = 60_000
NOON = 1_737_979_200_000  # 2025-01-27 12:00
VENUE_BARS = [("binance", "spot"), ("binance", "perp"), ("okx", "spot"), ("bybit", "spot")]
instants = st.integers(0, 5_000)
windows = st.lists(st.tuples(instants, instants).map(sorted).map(tuple), max_size=8)


def merged(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted(part for part in parts if part[0] < part[1]):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


@given(instants, instants, windows)
def test_missing_and_covered_together_are_wanted_and_never_overlap(
    start: int, end: int, done: list[tuple[int, int]]
) -> None:
    covered = merged(done)
    holes = subtract(start, end, covered)
    missing = {t for a, b in holes for t in range(a, b)}
    there = {t for a, b in covered for t in range(a, b)}
    assert missing == set(range(start, end)) - there


@given(st.sampled_from(VENUE_BARS), instants, st.integers(1, 5_000), windows, st.integers(0, 59_999))
def test_asks_cover_the_missing_minutes_once_in_pages_that_fit(
    place: tuple[str, str], offset: int, length: int, done: list[tuple[int, int]], seconds: int
) -> None:
    series = Series("bars", *place, "BTC/USDT", "1m")
    start, now = NOON + offset * MINUTE, NOON + 6_000 * MINUTE + seconds
    covered = [(NOON + a * MINUTE, NOON + b * MINUTE) for a, b in merged(done)]
    requests = list(window_requests(VENUES[place[0]], series, (start, start + length * MINUTE), covered, now))

    asked = [t for request in requests for t in range(request.start or 0, request.end or 0, MINUTE)]
    there = {t for a, b in covered for t in range(a, b, MINUTE)}
    wanted = range(start, min(start + length * MINUTE, NOON + 6_000 * MINUTE), MINUTE)
    assert asked == [t for t in wanted if t not in there]
    for request in requests:
        assert 0 < (request.end or 0) - (request.start or 0) <= request.endpoint.page_rows * MINUTE


@pytest.mark.parametrize("place", VENUE_BARS)
def test_two_plans_share_their_borders(place: tuple[str, str]) -> None:
    series = Series("bars", *place, "BTC/USDT", "1m")
    now = NOON + 100_000 * MINUTE
    early = {a.end for a in window_requests(VENUES[place[0]], series, (NOON, NOON + 9_000 * MINUTE), [], now)}
    late = {
        a.end for a in window_requests(VENUES[place[0]], series, (NOON + 700 * MINUTE, NOON + 9_000 * MINUTE), [], now)
    }
    assert late <= early


END = NOON + 300 * MINUTE
LATER = NOON + 10**12
WHOLE = (NOON, END)


def at(number: int) -> int:
    return NOON + number * MINUTE


@pytest.mark.parametrize(
    ("venue", "answer", "known", "claim", "rest"),
    [
        ("okx", PageSummary(300, NOON, at(299)), None, WHOLE, []),
        # Minutes may be missing between rows: there the page proves that the venue has none.
        ("okx", PageSummary(120, NOON, at(299)), None, WHOLE, []),
        # A page that ends early may be capped: the rest is requested together with its last row …
        ("okx", PageSummary(100, at(200), at(299)), None, (at(200), END), [Piece(NOON, at(201), at(200), 100)]),
        ("binance", PageSummary(100, NOON, at(99)), None, (NOON, at(100)), [Piece(at(99), END, at(99), 100)]),
        # … and so is what precedes a page's first row, regardless of the venue's order.
        ("binance", PageSummary(100, at(200), at(299)), None, (at(200), END), [Piece(NOON, at(201), at(200), 100)]),
        ("bybit", PageSummary(100, NOON, at(99)), None, (NOON, at(100)), [Piece(at(99), END, at(99), 100)]),
        # A response with only that row proves that there is nothing more.
        ("okx", PageSummary(1, at(299), at(299)), at(299), WHOLE, []),
        ("binance", PageSummary(1, NOON, NOON), NOON, WHOLE, []),
        ("coinbase", PageSummary(4, at(-3), NOON), NOON, WHOLE, []),
        # A single row cannot be a truncated page: no known row would come back.
        ("okx", PageSummary(1, at(299), at(299)), None, (at(299), END), [Piece(NOON, at(299))]),
        # A full page continues: the rest is requested without an already known row.
        ("okx", PageSummary(300, at(9), at(299)), None, (at(9), END), [Piece(NOON, at(9))]),
        ("okx", PageSummary(0), None, WHOLE, []),
        # Where bars are sparse, the page is trusted at the end where the venue starts it.
        ("coinbase", PageSummary(7, at(3), at(290)), None, (at(3), END), [Piece(NOON, at(4), at(3), 7)]),
        ("coinbase", PageSummary(7, at(-2), at(290)), None, WHOLE, []),
    ],
)
def test_a_page_proves_the_range_between_its_rows(
    venue: str, answer: PageSummary, known: int | None, claim: tuple[int, int], rest: list[Piece]
) -> None:
    series = Series("bars", venue, "spot", "BTC/USDT", "1m")
    endpoint = VENUES[venue].endpoint(series, NOON, LATER)
    assert divide(series, endpoint, answer, Piece(*WHOLE, known), LATER) == (claim, rest)


@pytest.mark.parametrize(
    ("venue", "payload", "proven"),
    [
        ("binance", "[]", [WHOLE]),
        ("binance", json.dumps([[NOON + n * MINUTE, *["1"] * 5] for n in range(3)]), [(NOON, at(3))]),
        # What today's code refuses or cannot read proves nothing: its window is requested again.
        ("binance", '{"code": -1, "msg": "oops"}', []),
        ("binance", "[[null]]", []),
        ("okx", '{"code": "0"}', []),
        ("bybit", '{"retCode": 0, "result": {"category": "linear", "list": []}}', []),
        ("bybit", "<html>", []),
        ("coinbase", "", []),
    ],
)
def test_a_stored_page_is_checked_by_its_rows(venue: str, payload: str, proven: list[tuple[int, int]]) -> None:
    series = Series("bars", venue, "spot", "BTC/USDT", "1m")
    assert correction(uuid4(), series, WHOLE, payload).proven == proven


def test_a_hole_that_no_request_is_made_for_is_not_announced() -> None:
    """What `mdw backfill --recheck-claims` says is requested again, the planner requests."""
    funding, bars = Series("funding", "binance", "perp", "BTC/USDT"), Series("bars", "okx", "spot", "BTC/USDT", "1m")
    for hole, found in (
        ((NOON + 11, NOON + MINUTE), False),
        ((NOON, NOON + 30_000), False),
        ((NOON + 11, NOON + 2 * MINUTE), True),
        ((NOON, NOON + MINUTE), True),
    ):
        for series in (funding, bars):
            requests = list(window_requests(VENUES[series.venue], series, hole, [], LATER))
            assert bool(requests) == found
            assert requestable(series, [hole]) == [hole] * found


HOUR = 60 * MINUTE


@pytest.mark.parametrize(
    ("venue", "answer", "now", "claim", "rest"),
    [
        # Binance starts at the beginning: trusted within an interval there, requested again at the other end.
        ("binance", (50, 3, 392), 10**6, (0, 392), [Piece(392 * HOUR, 900 * HOUR, 392 * HOUR, 50)]),
        (
            "binance", (50, 9, 392), 10**6, (9, 392),
            [Piece(0, 9 * HOUR + 1, 9 * HOUR, 50), Piece(392 * HOUR, 900 * HOUR, 392 * HOUR, 50)],
        ),
        # After a full page more payments are expected, so its last row is not needed again.
        ("binance", (1000, 0, 400), 10**6, (0, 400), [Piece(400 * HOUR + 1, 900 * HOUR)]),
        ("okx", (13, 800, 896), 2_000, (800, 900), [Piece(0, 800 * HOUR + 1, 800 * HOUR, 13)]),
        # The newest payments may be late: nothing of the last day is covered beyond a row.
        ("binance", (3, 0, 890), 900, (0, 890), []),
    ],
)  # fmt: skip
def test_a_page_of_payments_proves_the_range_between_them(
    venue: str, answer: tuple[int, int, int], now: int, claim: tuple[int, int], rest: list[Piece]
) -> None:
    """A window of 900 hours; an end set by a row is a millisecond after it."""
    series = Series("funding", venue, "perp", "BTC/USDT")
    endpoint = VENUES[venue].endpoint(series, 0, now * HOUR)
    rows, oldest, newest = answer
    page = PageSummary(rows, oldest * HOUR, newest * HOUR)
    found, left = divide(series, endpoint, page, Piece(0, 900 * HOUR), now * HOUR)
    assert found == (claim[0] * HOUR, claim[1] * HOUR + (claim[1] != 900))
    assert left == rest


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (datetime(2025, 1, 2), None, "start 2025-01-02T00:00:00 has no time zone"),  # noqa: DTZ001
        (datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), "is not after start"),
        (datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC), "is not after start"),
        (datetime(2125, 1, 2, tzinfo=UTC), None, "is in the future"),
        (datetime(2025, 1, 2, tzinfo=UTC), datetime(2125, 1, 2, tzinfo=UTC), "is in the future"),
    ],
)
def test_times_that_cannot_be(ingest: Ingest, start: datetime, end: datetime | None, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        backfill.plan(ingest.settings, ingest.universe, None, start, end, pace=None)


def test_a_start_in_another_zone_is_the_same_instant(ingest: Ingest) -> None:
    start = NOW - timedelta(hours=5)
    elsewhere = start.astimezone(timezone(timedelta(hours=9)))
    assert ingest.plan(start=start).requests == ingest.plan(start=elsewhere).requests


def test_the_venue_s_clock_rules_and_not_ours(ingest: Ingest) -> None:
    wrong = NOW + timedelta(hours=1)
    ingest.settings = ingest.settings.model_copy(update={"now": wrong})
    ends = {request.end for request in ingest.plan(datasets=("bars",), timeframes=("1m",)).requests}
    assert max(end for end in ends if end) == int(NOW.replace(second=0).timestamp() * 1000)


def test_real_venues_are_never_requested_faster_than_allowed(ingest: Ingest) -> None:
    ingest.settings = ingest.settings.model_copy(update={"okx_url": None})
    with pytest.raises(BadInput, match=r"pace 3\.0 exceeds the venues' documented limits"):
        backfill.plan(ingest.settings, ingest.universe, pace=3.0)


def test_the_plan_has_the_minimum_time_at_the_limits(ingest: Ingest) -> None:
    plan = ingest.plan(hours=24 * 30, venues=("okx",), datasets=("bars",), timeframes=("1m",), symbols=("BTC/USDT",))
    (line,) = plan.lines()
    assert line.calls == plan.calls
    assert 43_200 <= line.rows <= 43_200 + 2 * 300
    # 300 bars per call, ten calls per second, and some margin: a month of minutes is 144 calls.
    assert 14 <= plan.minimum_seconds() <= 16
