"""Fetches a window page by page: what each page proves, and what is left to request.

A page proves the time between its rows. It does not prove that the venue has nothing between a row and the edge of the
window, because venues cap pages below the limit that they document (ccxt #26705, #20756). So the rest is requested
again, together with the row next to it: a response with that row and no other proves that there is nothing more. A
page without any row is accepted only after it was returned several times. Nothing later than the venue's last closed
bar is claimed, and nothing older than the venue documents to serve, unless it did serve it.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.errors import MalformedResponse
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.raw_page import PART, WHOLE, WINDOW, Page
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, TIMEFRAMES
from dlt_pipelines.core.venue import PageSummary
from dlt_pipelines.http.response import Response
from dlt_pipelines.http.venue_client import VenueClient
from dlt_pipelines.planning.page_requests import FUNDING_USUAL_STEP_MS, page_length, wanted_end

# A settled funding rate may reach the venue's history late: an empty page is accepted after a day.
FUNDING_SETTLES_MS = 24 * 3600 * 1000
# Venues occasionally return empty pages for windows that have rows: an empty page is accepted once it was returned
# again after each of these pauses (seconds). With two attempts, no pause and one page in five wrongly empty, holes were
# left (docs/reliability.md).
EMPTY_PAUSES = (0.1, 0.2, 0.4, 0.8)
# No venue has this many pages of a listing: a cursor that never ends is an error.
MAX_LISTING_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a window that is still to be requested, in ms since 1970; end exclusive.

    `known` is the time of a row at its edge that the venue has returned in a page of `after` rows.
    """

    start: int
    end: int
    known: int | None = None
    after: int = 0


async def pages_of(source: VenueClient, request: PageRequest) -> AsyncIterator[Page]:
    """Fetch everything that a request is for, page by page; raises VenueError."""
    now = await source.now(request.series)
    if request.start is None or request.end is None:
        for part in await _listing(source, request, now):
            yield part
        return
    # The plan may be hours old, and an endpoint for the newest bars serves no older ones.
    start, end = request.start, min(request.end, wanted_end(request.series, now))
    request = replace(request, endpoint=source.venue.endpoint(request.series, start, now))
    waiting = [Piece(start, end)] if start < end else []
    while waiting:
        piece = waiting.pop(0)
        page, rest = await next_page(source, request, piece, now)
        if page is not None:
            yield page
        if piece in rest:
            raise MalformedResponse(f"{source.venue.name} returns the same page of {request.series} over and over")
        waiting += [small for part in rest for small in _fitting(source, request, part)]


async def next_page(
    source: VenueClient, request: PageRequest, piece: Piece, now: int
) -> tuple[Page | None, list[Piece]]:
    """One page of the piece (None if it proves nothing), and what is left to request."""
    for pause in (0.0, *EMPTY_PAUSES):
        await asyncio.sleep(pause)
        response, summary = await _fetch(source, request, piece.start, piece.end)
        if _only_early(request, piece, summary):
            # It has no row of the window: it proves as much as an empty page.
            summary = PageSummary(rows=0, server_time=summary.server_time)
        if summary.rows:
            break
        claim, _ = divide(request.series, request.endpoint, summary, piece, now)
        if claim[0] >= claim[1] and piece.known is None:
            return None, []
    if not summary.rows and piece.known is not None:
        raise MalformedResponse(
            f"{source.venue.name} returned a row of {request.series} at {piece.known} (ms) before and now has none"
        )
    cap = _learn_cap(source, request.endpoint, piece, summary)
    claim, rest = divide(request.series, request.endpoint, summary, piece, now, cap)
    params = _params(source, request, piece.start, piece.end)
    return _page(source, request, (*claim, params), response, summary, now, WINDOW), rest


def _only_early(request: PageRequest, piece: Piece, summary: PageSummary) -> bool:
    """Whether all rows are from before the window. Coarser rows, which answer a wide window, may begin earlier."""
    narrow = piece.end - piece.start <= page_length(request.series, request.endpoint)
    return request.endpoint.early_rows and narrow and summary.newest is not None and summary.newest < piece.start


def divide(
    series: Series, endpoint: Endpoint, summary: PageSummary, piece: Piece, now: int, cap: int | None = None
) -> tuple[tuple[int, int], list[Piece]]:
    """The part of a piece that a response proves, and the parts still to be requested.

    `cap` is the observed maximum of rows in a page, if it is less than the venue documents.
    """
    step = TIMEFRAMES.get(series.timeframe, 1)
    start, end = piece.start, piece.end
    settled = min(end, now - FUNDING_SETTLES_MS) if series.dataset == "funding" else end
    served = max(start, now - endpoint.reach_ms) if endpoint.reach_ms else start
    if summary.oldest is None or summary.newest is None:
        return (served, max(served, settled)), []
    oldest, newest = summary.oldest, summary.newest
    begins, ends = max(start, min(served, oldest)), min(end, max(newest + step, settled))
    # Nothing but the known row, apart from rows before the window.
    if newest == piece.known and (oldest == newest or newest == start):
        return (begins, ends), []
    reaches_start, reaches_end = _reaches(series, endpoint, summary, piece, settled)
    rest = []
    full = summary.rows >= min(cap or endpoint.page_rows, endpoint.page_rows)
    single = oldest == newest
    if not reaches_start:
        begins = max(start, oldest)
        goes_on = single or (full and endpoint.newest_first and oldest - _spacing(series, summary) >= start)
        rest.append(Piece(start, begins) if goes_on else Piece(start, oldest + step, oldest, summary.rows))
    if not reaches_end:
        ends = min(end, newest + step)
        goes_on = single or (full and not endpoint.newest_first and newest + _spacing(series, summary) < end)
        rest.append(Piece(ends, end) if goes_on else Piece(newest, end, newest, summary.rows))
    return (begins, max(begins, ends)), rest


def _reaches(series: Series, endpoint: Endpoint, summary: PageSummary, piece: Piece, settled: int) -> tuple[bool, bool]:
    """Whether no row of the series fits between the start and the oldest row, and between the newest and the end.

    At the edge where a venue begins its page, a distance of up to a funding interval is accepted, and of up to ten bars
    if bars are sparse (Endpoint.lead_rows).
    """
    assert summary.oldest is not None
    assert summary.newest is not None
    before, after = summary.oldest - piece.start, piece.end - summary.newest
    if series.dataset == "funding":
        # Nothing later is claimed, and nothing is expected yet.
        up_to_date = summary.newest + 1 >= settled and after < _spacing(series, summary)
        if endpoint.newest_first:
            return before < MINUTE_MS, after <= FUNDING_USUAL_STEP_MS or up_to_date
        return before <= FUNDING_USUAL_STEP_MS, up_to_date
    step = TIMEFRAMES[series.timeframe]
    return before < step, after <= step * (1 + endpoint.lead_rows)


def _spacing(series: Series, summary: PageSummary) -> int:
    """Time between the rows of a page: the timeframe for bars, the mean (or usual) interval for funding."""
    assert summary.oldest is not None
    assert summary.newest is not None
    if series.dataset == "bars":
        return TIMEFRAMES[series.timeframe]
    return (summary.newest - summary.oldest) // (summary.rows - 1) if summary.rows > 1 else FUNDING_USUAL_STEP_MS


def _learn_cap(source: VenueClient, endpoint: Endpoint, piece: Piece, summary: PageSummary) -> int | None:
    """The venue's actual page limit: a page followed by more rows was capped, and a longer page disproves the cap."""
    caps = source.caps
    if piece.known is not None and piece.after > 1 and _goes_beyond(piece.known, endpoint, summary):
        caps[endpoint.path] = min(caps.get(endpoint.path, piece.after), piece.after)
    if summary.rows > caps.get(endpoint.path, summary.rows):
        del caps[endpoint.path]
    return caps.get(endpoint.path)


def _goes_beyond(known: int, endpoint: Endpoint, summary: PageSummary) -> bool:
    """Whether the venue has rows beyond a known one; those from before the window do not count."""
    assert summary.oldest is not None
    assert summary.newest is not None
    return summary.newest > known or (summary.oldest < known and not endpoint.early_rows)


def _fitting(source: VenueClient, request: PageRequest, piece: Piece) -> list[Piece]:
    """What is left of a window, cut into windows that fit a capped page."""
    cap = source.caps.get(request.endpoint.path)
    if cap is None or piece.known is not None or request.series.dataset == "funding":
        return [piece]
    length = cap * TIMEFRAMES[request.series.timeframe]
    starts = range(piece.start, piece.end, length)
    return [Piece(start, min(start + length, piece.end)) for start in starts]


async def _listing(source: VenueClient, request: PageRequest, now: int) -> list[Page]:
    """Every page of a listing, all with the time of the last one, when the list as a whole was known.

    The last page decides whether the listing is complete: there is no further page, and the listing neither has far
    fewer records than the previous one (PageRequest.min_rows) nor begins too late (PageRequest.since).
    """
    pages: list[Page] = []
    more: dict[str, str] = {}
    seen: list[dict[str, str]] = []
    while True:
        params = {**_params(source, request, 0, 0), **more}
        response, summary = await _fetch(source, request, 0, 0, more)
        pages.append(_page(source, request, (None, None, params), response, summary, now, PART))
        if not summary.more:
            break
        more = dict(summary.more)
        if more in seen or len(pages) == MAX_LISTING_PAGES:
            raise MalformedResponse(
                f"{source.venue.name} {request.endpoint.path} returns one page after another without end"
            )
        seen.append(more)
    moment = pages[-1].fetched_at
    pages = [replace(page, fetched_at=moment) for page in pages]
    reaches_back = request.since is None or (summary.oldest is not None and summary.oldest <= request.since)
    if reaches_back and sum(page.rows for page in pages) >= request.min_rows:
        pages[-1] = replace(pages[-1], proof=WHOLE)
    return pages


async def _fetch(
    source: VenueClient, request: PageRequest, start: int, end: int, more: dict[str, str] | None = None
) -> tuple[Response, PageSummary]:
    def read(body: Any) -> PageSummary:
        summary = source.venue.read(request.series, body)
        if request.start is not None:
            _check_window(source, request, summary, start, end)
        elif not summary.rows:
            raise MalformedResponse(f"{source.venue.name} {request.endpoint.path} returned an empty list")
        return summary

    return await source.request(request.endpoint, {**_params(source, request, start, end), **(more or {})}, read)


def _check_window(source: VenueClient, request: PageRequest, summary: PageSummary, start: int, end: int) -> None:
    """Raise MalformedResponse for rows outside the window: a venue that ignores a parameter returns its newest page."""
    step = TIMEFRAMES.get(request.series.timeframe, 1)
    if summary.oldest is None or summary.newest is None:
        return
    too_early = summary.oldest <= start - step and not request.endpoint.early_rows
    if too_early or summary.newest >= end or summary.oldest > summary.newest:
        raise MalformedResponse(
            f"{source.venue.name} returned rows from {summary.oldest} to {summary.newest} of {request.series}; "
            f"requested were {start} to {end} (ms)"
        )


def _params(source: VenueClient, request: PageRequest, start: int, end: int) -> dict[str, str]:
    lead = request.endpoint.lead_rows * TIMEFRAMES.get(request.series.timeframe, 0)
    return source.venue.params(request.series, request.endpoint, start - lead, end)


def _page(
    source: VenueClient,
    request: PageRequest,
    claim: tuple[int | None, int | None, dict[str, str]],
    response: Response,
    summary: PageSummary,
    now: int,
    proof: str,
) -> Page:
    has_clock = source.venue.clock(request.series) is not None
    return Page(
        series=request.series,
        table=source.venue.table(request.series),
        venue_symbol=source.venue.venue_symbol(request.series),
        endpoint=request.endpoint.path,
        params=claim[2],
        window_start=claim[0],
        window_end=claim[1],
        status=response.status,
        fetched_at=datetime.now(UTC),
        server_time=summary.server_time or (now if has_clock else None),
        rows=summary.rows,
        payload=response.text,
        proof=proof,
    )
