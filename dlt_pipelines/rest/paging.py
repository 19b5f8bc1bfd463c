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
from dlt_pipelines.core.page_request import Ask
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
MOST_LISTING_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a window that is still to be requested, in ms since 1970; end exclusive.

    `known` is the time of a row at its edge that the venue has returned in a page of `after` rows.
    """

    start: int
    end: int
    known: int | None = None
    after: int = 0


async def pages_of(source: VenueClient, ask: Ask) -> AsyncIterator[Page]:
    """Fetch everything that a request is for, page by page; raises VenueError."""
    now = await source.now(ask.series)
    if ask.start is None or ask.end is None:
        for part in await _listing(source, ask, now):
            yield part
        return
    # The plan may be hours old, and an endpoint for the newest bars serves no older ones.
    start, end = ask.start, min(ask.end, wanted_end(ask.series, now))
    ask = replace(ask, endpoint=source.venue.endpoint(ask.series, start, now))
    waiting = [Piece(start, end)] if start < end else []
    while waiting:
        piece = waiting.pop(0)
        page, rest = await next_page(source, ask, piece, now)
        if page is not None:
            yield page
        if piece in rest:
            raise MalformedResponse(f"{source.venue.name} returns the same page of {ask.series} over and over")
        waiting += [small for part in rest for small in _fitting(source, ask, part)]


async def next_page(source: VenueClient, ask: Ask, piece: Piece, now: int) -> tuple[Page | None, list[Piece]]:
    """One page of the piece (None if it proves nothing), and what is left to request."""
    for pause in (0.0, *EMPTY_PAUSES):
        await asyncio.sleep(pause)
        reply, answer = await _fetch(source, ask, piece.start, piece.end)
        if _only_early(ask, piece, answer):
            # It has no row of the window: it proves as much as an empty page.
            answer = PageSummary(rows=0, server_time=answer.server_time)
        if answer.rows:
            break
        claim, _ = divide(ask.series, ask.endpoint, answer, piece, now)
        if claim[0] >= claim[1] and piece.known is None:
            return None, []
    if not answer.rows and piece.known is not None:
        raise MalformedResponse(
            f"{source.venue.name} returned a row of {ask.series} at {piece.known} (ms) before and now has none"
        )
    cap = _learn_cap(source, ask.endpoint, piece, answer)
    claim, rest = divide(ask.series, ask.endpoint, answer, piece, now, cap)
    params = _params(source, ask, piece.start, piece.end)
    return _page(source, ask, (*claim, params), reply, answer, now, WINDOW), rest


def _only_early(ask: Ask, piece: Piece, answer: PageSummary) -> bool:
    """Whether all rows are from before the window. Coarser rows, which answer a wide window, may begin earlier."""
    narrow = piece.end - piece.start <= page_length(ask.series, ask.endpoint)
    return ask.endpoint.early_rows and narrow and answer.newest is not None and answer.newest < piece.start


def divide(
    series: Series, endpoint: Endpoint, answer: PageSummary, piece: Piece, now: int, cap: int | None = None
) -> tuple[tuple[int, int], list[Piece]]:
    """The part of a piece that a response proves, and the parts still to be requested.

    `cap` is the observed maximum of rows in a page, if it is less than the venue documents.
    """
    step = TIMEFRAMES.get(series.timeframe, 1)
    start, end = piece.start, piece.end
    settled = min(end, now - FUNDING_SETTLES_MS) if series.dataset == "funding" else end
    served = max(start, now - endpoint.reach_ms) if endpoint.reach_ms else start
    if answer.oldest is None or answer.newest is None:
        return (served, max(served, settled)), []
    oldest, newest = answer.oldest, answer.newest
    begins, ends = max(start, min(served, oldest)), min(end, max(newest + step, settled))
    # Nothing but the known row, apart from rows before the window.
    if newest == piece.known and (oldest == newest or newest == start):
        return (begins, ends), []
    reaches_start, reaches_end = _reaches(series, endpoint, answer, piece, settled)
    rest = []
    full = answer.rows >= min(cap or endpoint.page_rows, endpoint.page_rows)
    single = oldest == newest
    if not reaches_start:
        begins = max(start, oldest)
        goes_on = single or (full and endpoint.newest_first and oldest - _spacing(series, answer) >= start)
        rest.append(Piece(start, begins) if goes_on else Piece(start, oldest + step, oldest, answer.rows))
    if not reaches_end:
        ends = min(end, newest + step)
        goes_on = single or (full and not endpoint.newest_first and newest + _spacing(series, answer) < end)
        rest.append(Piece(ends, end) if goes_on else Piece(newest, end, newest, answer.rows))
    return (begins, max(begins, ends)), rest


def _reaches(series: Series, endpoint: Endpoint, answer: PageSummary, piece: Piece, settled: int) -> tuple[bool, bool]:
    """Whether no row of the series fits between the start and the oldest row, and between the newest and the end.

    At the edge where a venue begins its page, a distance of up to a funding interval is accepted, and of up to ten bars
    if bars are sparse (Endpoint.lead_rows).
    """
    assert answer.oldest is not None
    assert answer.newest is not None
    before, after = answer.oldest - piece.start, piece.end - answer.newest
    if series.dataset == "funding":
        # Nothing later is claimed, and nothing is expected yet.
        up_to_date = answer.newest + 1 >= settled and after < _spacing(series, answer)
        if endpoint.newest_first:
            return before < MINUTE_MS, after <= FUNDING_USUAL_STEP_MS or up_to_date
        return before <= FUNDING_USUAL_STEP_MS, up_to_date
    step = TIMEFRAMES[series.timeframe]
    return before < step, after <= step * (1 + endpoint.lead_rows)


def _spacing(series: Series, answer: PageSummary) -> int:
    """Time between the rows of a page: the timeframe for bars, the mean (or usual) interval for funding."""
    assert answer.oldest is not None
    assert answer.newest is not None
    if series.dataset == "bars":
        return TIMEFRAMES[series.timeframe]
    return (answer.newest - answer.oldest) // (answer.rows - 1) if answer.rows > 1 else FUNDING_USUAL_STEP_MS


def _learn_cap(source: VenueClient, endpoint: Endpoint, piece: Piece, answer: PageSummary) -> int | None:
    """The venue's actual page limit: a page followed by more rows was capped, and a longer page disproves the cap."""
    caps = source.caps
    if piece.known is not None and piece.after > 1 and _goes_beyond(piece.known, endpoint, answer):
        caps[endpoint.path] = min(caps.get(endpoint.path, piece.after), piece.after)
    if answer.rows > caps.get(endpoint.path, answer.rows):
        del caps[endpoint.path]
    return caps.get(endpoint.path)


def _goes_beyond(known: int, endpoint: Endpoint, answer: PageSummary) -> bool:
    """Whether the venue has rows beyond a known one; those from before the window do not count."""
    assert answer.oldest is not None
    assert answer.newest is not None
    return answer.newest > known or (answer.oldest < known and not endpoint.early_rows)


def _fitting(source: VenueClient, ask: Ask, piece: Piece) -> list[Piece]:
    """What is left of a window, cut into windows that fit a capped page."""
    cap = source.caps.get(ask.endpoint.path)
    if cap is None or piece.known is not None or ask.series.dataset == "funding":
        return [piece]
    length = cap * TIMEFRAMES[ask.series.timeframe]
    starts = range(piece.start, piece.end, length)
    return [Piece(start, min(start + length, piece.end)) for start in starts]


async def _listing(source: VenueClient, ask: Ask, now: int) -> list[Page]:
    """Every page of a listing, all with the time of the last one, when the list as a whole was known.

    The last page decides whether the listing is complete: there is no further page, and the listing neither has far
    fewer records than the previous one (Ask.least_rows) nor begins too late (Ask.since).
    """
    pages: list[Page] = []
    more: dict[str, str] = {}
    seen: list[dict[str, str]] = []
    while True:
        params = {**_params(source, ask, 0, 0), **more}
        reply, answer = await _fetch(source, ask, 0, 0, more)
        pages.append(_page(source, ask, (None, None, params), reply, answer, now, PART))
        if not answer.more:
            break
        more = dict(answer.more)
        if more in seen or len(pages) == MOST_LISTING_PAGES:
            raise MalformedResponse(
                f"{source.venue.name} {ask.endpoint.path} returns one page after another without end"
            )
        seen.append(more)
    moment = pages[-1].fetched_at
    pages = [replace(page, fetched_at=moment) for page in pages]
    reaches_back = ask.since is None or (answer.oldest is not None and answer.oldest <= ask.since)
    if reaches_back and sum(page.rows for page in pages) >= ask.least_rows:
        pages[-1] = replace(pages[-1], proof=WHOLE)
    return pages


async def _fetch(
    source: VenueClient, ask: Ask, start: int, end: int, more: dict[str, str] | None = None
) -> tuple[Response, PageSummary]:
    def read(body: Any) -> PageSummary:
        answer = source.venue.read(ask.series, body)
        if ask.start is not None:
            _check_window(source, ask, answer, start, end)
        elif not answer.rows:
            raise MalformedResponse(f"{source.venue.name} {ask.endpoint.path} returned an empty list")
        return answer

    return await source.ask(ask.endpoint, {**_params(source, ask, start, end), **(more or {})}, read)


def _check_window(source: VenueClient, ask: Ask, answer: PageSummary, start: int, end: int) -> None:
    """Raise MalformedResponse for rows outside the window: a venue that ignores a parameter returns its newest page."""
    step = TIMEFRAMES.get(ask.series.timeframe, 1)
    if answer.oldest is None or answer.newest is None:
        return
    too_early = answer.oldest <= start - step and not ask.endpoint.early_rows
    if too_early or answer.newest >= end or answer.oldest > answer.newest:
        raise MalformedResponse(
            f"{source.venue.name} returned rows from {answer.oldest} to {answer.newest} of {ask.series}; "
            f"requested were {start} to {end} (ms)"
        )


def _params(source: VenueClient, ask: Ask, start: int, end: int) -> dict[str, str]:
    lead = ask.endpoint.lead_rows * TIMEFRAMES.get(ask.series.timeframe, 0)
    return source.venue.params(ask.series, ask.endpoint, start - lead, end)


def _page(
    source: VenueClient,
    ask: Ask,
    asked: tuple[int | None, int | None, dict[str, str]],
    reply: Response,
    answer: PageSummary,
    now: int,
    proof: str,
) -> Page:
    has_clock = source.venue.clock(ask.series) is not None
    return Page(
        series=ask.series,
        table=source.venue.table(ask.series),
        venue_symbol=source.venue.venue_symbol(ask.series),
        endpoint=ask.endpoint.path,
        params=asked[2],
        window_start=asked[0],
        window_end=asked[1],
        status=reply.status,
        fetched_at=datetime.now(UTC),
        server_time=answer.server_time or (now if has_clock else None),
        rows=answer.rows,
        payload=reply.text,
        proof=proof,
    )
