"""Windows: what is missing, cut at borders that every plan shares, never beyond the last closed bar."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipelines import backfill
from dlt_pipelines.coverage import subtract
from dlt_pipelines.paging import divide
from dlt_pipelines.planning import window_asks
from dlt_pipelines.series import Series
from dlt_pipelines.venue import Answer
from dlt_pipelines.venues import VENUES
from tests.desk import Desk
from tests.dlt_pipelines.conftest import NOW
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
    asks = list(window_asks(VENUES[place[0]], series, (start, start + length * MINUTE), covered, now))

    asked = [t for ask in asks for t in range(ask.start or 0, ask.end or 0, MINUTE)]
    there = {t for a, b in covered for t in range(a, b, MINUTE)}
    wanted = range(start, min(start + length * MINUTE, NOON + 6_000 * MINUTE), MINUTE)
    assert asked == [t for t in wanted if t not in there]
    for ask in asks:
        assert 0 < (ask.end or 0) - (ask.start or 0) <= ask.endpoint.page_rows * MINUTE


@pytest.mark.parametrize("place", VENUE_BARS)
def test_two_plans_share_their_borders(place: tuple[str, str]) -> None:
    series = Series("bars", *place, "BTC/USDT", "1m")
    now = NOON + 100_000 * MINUTE
    early = {a.end for a in window_asks(VENUES[place[0]], series, (NOON, NOON + 9_000 * MINUTE), [], now)}
    late = {a.end for a in window_asks(VENUES[place[0]], series, (NOON + 700 * MINUTE, NOON + 9_000 * MINUTE), [], now)}
    assert late <= early


@pytest.mark.parametrize(
    ("answer", "claim", "rest"),
    [
        (Answer(300, NOON, NOON + 299 * MINUTE), (NOON, NOON + 300 * MINUTE), (NOON, NOON)),
        (Answer(120, NOON + 9 * MINUTE, NOON + 299 * MINUTE), (NOON, NOON + 300 * MINUTE), None),
        # more rows than the grid has minutes (bars off the grid): the page is full before its start is reached
        (Answer(300, NOON + MINUTE, NOON + 299 * MINUTE), (NOON + MINUTE, NOON + 300 * MINUTE), (NOON, NOON + MINUTE)),
        (Answer(0), (NOON, NOON + 300 * MINUTE), None),
    ],
)
def test_a_page_claims_what_its_rows_prove(
    answer: Answer, claim: tuple[int, int], rest: tuple[int, int] | None
) -> None:
    series = Series("bars", "okx", "spot", "BTC/USDT", "1m")
    end = NOON + 300 * MINUTE
    endpoint = VENUES["okx"].endpoint(series, NOON, NOON + 10_000 * MINUTE)
    assert divide(series, endpoint, answer, NOON, end, NOON + 10_000 * MINUTE) == (claim, rest or (end, end))


def test_a_full_ascending_page_leaves_the_rest_to_ask() -> None:
    series = Series("funding", "binance", "perp", "BTC/USDT")
    endpoint = VENUES["binance"].endpoint(series, NOON, NOON)
    end, last = NOON + 10**10, NOON + 10**9
    claim, rest = divide(series, endpoint, Answer(1000, NOON, last), NOON, end, NOON + 10**12)
    assert (claim, rest) == ((NOON, last + 1), (last + 1, end))


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (datetime(2025, 1, 2), None, "start 2025-01-02T00:00:00 has no zone"),  # noqa: DTZ001
        (datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), "is not after start"),
        (datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC), "is not after start"),
        (datetime(2125, 1, 2, tzinfo=UTC), None, "is in the future"),
        (datetime(2025, 1, 2, tzinfo=UTC), datetime(2125, 1, 2, tzinfo=UTC), "is in the future"),
    ],
)
def test_times_that_cannot_be(desk: Desk, start: datetime, end: datetime | None, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        backfill.plan(desk.settings, desk.universe, None, start, end, pace=None)


def test_a_start_in_another_zone_is_the_same_instant(desk: Desk) -> None:
    start = NOW - timedelta(hours=5)
    elsewhere = start.astimezone(timezone(timedelta(hours=9)))
    assert desk.plan(start=start).asks == desk.plan(start=elsewhere).asks


def test_the_venue_s_clock_rules_and_not_ours(desk: Desk) -> None:
    wrong = NOW + timedelta(hours=1)
    desk.settings = desk.settings.model_copy(update={"now": wrong})
    ends = {ask.end for ask in desk.plan(datasets=("bars",), timeframes=("1m",)).asks}
    assert max(end for end in ends if end) == int(NOW.replace(second=0).timestamp() * 1000)


def test_nobody_asks_real_venues_faster_than_they_allow(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"okx_url": None})
    with pytest.raises(BadInput, match=r"pace 3\.0 is beyond the venues' documented limits"):
        backfill.plan(desk.settings, desk.universe, pace=3.0)


def test_the_plan_says_how_long_it_takes_at_the_limits(desk: Desk) -> None:
    plan = desk.plan(hours=24 * 30, venues=("okx",), datasets=("bars",), timeframes=("1m",), symbols=("BTC/USDT",))
    (line,) = plan.lines()
    assert line.calls == plan.calls
    assert 43_200 <= line.rows <= 43_200 + 2 * 300
    # 300 bars a call, ten calls a second, and a little room: a month of minutes is 144 calls.
    assert 14 <= plan.minimum_seconds() <= 16
