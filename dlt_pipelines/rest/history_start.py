"""Finds where a history starts: years before a listing are proven empty with a few calls, not page by page.

A venue that answers oldest first returns its first rows to one request for the whole span. For one that answers
newest first, the span is bisected: a half without a row is proven empty as a whole. Every response is a page like any
other and lands, so that the empty years are covered. If the venue answers a wide window with coarser rows
(Endpoint.widest_ms), only empty responses land.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from dlt_pipelines.core.errors import VenueClosed, VenueError
from dlt_pipelines.core.intervals import Windows, subtract
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.raw_page import Page
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, TIMEFRAMES, ceil_to, floor_to
from dlt_pipelines.http.venue_client import VenueClient
from dlt_pipelines.planning.page_requests import page_length, wanted_end
from dlt_pipelines.rest.paging import Piece, next_page
from warehouse.settings import Settings

# A span of fewer pages is requested directly.
MIN_PAGES = 24
Span = tuple[int, int]


@dataclass
class Probes:
    """Pages that were fetched to find the start of series, and the windows that they prove."""

    pages: list[Page] = field(default_factory=list)
    proven: dict[Series, Windows] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def unknown_starts(
    sources: Mapping[str, VenueClient], spans: Mapping[Series, Span], done: Mapping[Series, Windows]
) -> dict[Series, Span]:
    """Long leading holes of series for which nothing older has landed."""
    found: dict[Series, Span] = {}
    for series, (start, end) in spans.items():
        if series.dataset != "bars":
            continue
        covered = done.get(series, [])
        if any(window[0] <= start for window in covered):
            continue
        holes = subtract(start, end, covered)
        endpoint = sources[series.venue].venue.endpoint(series, start, end)
        if holes and holes[0][1] - holes[0][0] >= MIN_PAGES * page_length(series, endpoint):
            found[series] = holes[0]
    return found


async def probe(
    settings: Settings,
    spans: Mapping[Series, Span],
    done: Mapping[Series, Windows],
    pace: float | None,
    with_rows: bool = True,
) -> Probes:
    """Find the start of each series whose span has a long leading hole. An error becomes a notice, and is not raised.

    Without `with_rows`, only pages that prove that a window is empty are kept: the bars come from another lane.
    """
    venues = {series.venue for series in spans}
    sources = {name: VenueClient(name, settings, pace, lambda *fault: None) for name in venues}
    probes = Probes()

    async def one(series: Series, span: Span) -> None:
        try:
            pages = await _first_bar(sources[series.venue], series, span)
        except VenueClosed:
            return  # the run reports it, once
        except VenueError as error:
            probes.notices.append(f"{series}: its start is not known, so every window is requested ({error})")
            return
        pages = [page for page in pages if with_rows or not page.rows]
        probes.pages += pages
        probes.proven[series] = [(p.window_start or 0, p.window_end or 0) for p in pages]

    try:
        await asyncio.gather(*(one(*item) for item in unknown_starts(sources, spans, done).items()))
    finally:
        for source in sources.values():
            await source.close()
    return probes


async def _first_bar(source: VenueClient, series: Series, span: Span) -> list[Page]:
    now = await source.now(series)
    step = TIMEFRAMES.get(series.timeframe, MINUTE_MS)
    low, high = ceil_to(span[0], step), min(floor_to(span[1], step), wanted_end(series, now))
    pages: list[Page] = []
    first = True
    while low < high:
        endpoint = source.venue.endpoint(series, low, now)
        length = page_length(series, endpoint)
        middle = high if not endpoint.newest_first else _middle(low, high, length, first)
        if endpoint.widest_ms:
            middle = min(middle, floor_to(low + endpoint.widest_ms, length))
        first = False
        request = PageRequest(series, endpoint, low, middle)
        page, rest = await next_page(source, request, Piece(low, middle), now)
        if page is None:
            break
        if page.rows and endpoint.widest_ms and middle - low > length:
            high = middle
            continue
        pages.append(page)
        before = next((piece for piece in rest if piece.start == low), None)
        if not page.rows:
            low = middle
        elif before is None:
            break
        elif endpoint.newest_first:
            high = page.window_start or low
        else:
            pages += [more for more in [(await next_page(source, request, before, now))[0]] if more is not None]
            break
    return pages


def _middle(low: int, high: int, length: int, first: bool) -> int:
    """The first page alone (most series start before the span), then halves that end on the page grid."""
    wanted = low if first else (low + high) // 2
    return min(max(floor_to(wanted, length), floor_to(low, length) + length), high)
