"""From a window to pages: what each page proves, and what is left to ask.

A page proves what lies between its rows. Whether the venue has anything between a row and the edge of the window is a
question of its own, because venues cap pages below the limit that they document (ccxt #26705, #20756): the rest is
asked for again together with the row next to it. An answer with that row and no other proves that there is nothing
more; a page without any row counts once it was given several times. Nothing later than the venue's last closed bar is
claimed, and nothing older than the venue documents to serve unless it served it.
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

# A settled funding rate may reach the venue's history late: emptiness is believed after a day.
FUNDING_SETTLES_MS = 24 * 3600 * 1000
# Venues answer with nothing now and then where there is something: emptiness counts once it was said again after each
# of these seconds. At two with no pause, one empty answer in five left holes (docs/reliability.md).
EMPTY_PAUSES = (0.1, 0.2, 0.4, 0.8)
# No venue lists so many pages: a cursor that leads on and on is an error of its own.
MOST_LISTING_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a window that is still to ask, in ms since 1970; end exclusive.

    `known` is the time of a row at its edge that the venue has shown in a page of `after` rows.
    """

    start: int
    end: int
    known: int | None = None
    after: int = 0


async def pages_of(source: VenueClient, ask: Ask) -> AsyncIterator[Page]:
    """Fetch everything that an ask is about, page by page; raises VenueError."""
    now = await source.now(ask.series)
    if ask.start is None or ask.end is None:
        for part in await _listing(source, ask, now):
            yield part
        return
    # The plan may be hours old, and an endpoint of the newest bars serves no others.
    start, end = ask.start, min(ask.end, wanted_end(ask.series, now))
    ask = replace(ask, endpoint=source.venue.endpoint(ask.series, start, now))
    waiting = [Piece(start, end)] if start < end else []
    while waiting:
        piece = waiting.pop(0)
        page, rest = await next_page(source, ask, piece, now)
        if page is not None:
            yield page
        if piece in rest:
            raise MalformedResponse(f"{source.venue.name} gives the same page of {ask.series} again and again")
        waiting += [small for part in rest for small in _fitting(source, ask, part)]


async def next_page(source: VenueClient, ask: Ask, piece: Piece, now: int) -> tuple[Page | None, list[Piece]]:
    """One page of the piece, None where it proves nothing, and what is left to ask."""
    for pause in (0.0, *EMPTY_PAUSES):
        await asyncio.sleep(pause)
        reply, answer = await _fetch(source, ask, piece.start, piece.end)
        if _only_early(ask, piece, answer):
            # It holds none of the window: as much proof as an empty page, and no more.
            answer = PageSummary(rows=0, server_time=answer.server_time)
        if answer.rows:
            break
        claim, _ = divide(ask.series, ask.endpoint, answer, piece, now)
        if claim[0] >= claim[1] and piece.known is None:
            return None, []
    if not answer.rows and piece.known is not None:
        raise MalformedResponse(
            f"{source.venue.name} gave a row of {ask.series} at {piece.known} (ms) and now says that there is none"
        )
    cap = _learn_cap(source, ask.endpoint, piece, answer)
    claim, rest = divide(ask.series, ask.endpoint, answer, piece, now, cap)
    params = _params(source, ask, piece.start, piece.end)
    return _page(source, ask, (*claim, params), reply, answer, now, WINDOW), rest


def _only_early(ask: Ask, piece: Piece, answer: PageSummary) -> bool:
    """Whether all rows are from before the window. A wide one is answered in coarser rows, which may begin earlier."""
    narrow = piece.end - piece.start <= page_length(ask.series, ask.endpoint)
    return ask.endpoint.early_rows and narrow and answer.newest is not None and answer.newest < piece.start


def divide(
    series: Series, endpoint: Endpoint, answer: PageSummary, piece: Piece, now: int, cap: int | None = None
) -> tuple[tuple[int, int], list[Piece]]:
    """The part of a piece that an answer proves, and the parts still to ask.

    `cap` is the most rows of a page that the venue was seen to give, where that is less than it documents.
    """
    step = TIMEFRAMES.get(series.timeframe, 1)
    start, end = piece.start, piece.end
    settled = min(end, now - FUNDING_SETTLES_MS) if series.dataset == "funding" else end
    served = max(start, now - endpoint.reach_ms) if endpoint.reach_ms else start
    if answer.oldest is None or answer.newest is None:
        return (served, max(served, settled)), []
    oldest, newest = answer.oldest, answer.newest
    begins, ends = max(start, min(served, oldest)), min(end, max(newest + step, settled))
    # Nothing but the known row, or rows from before the window beside it.
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
    """Whether nothing of the series fits between the start and the oldest row, or between the newest and the end.

    The edge where a venue begins its page is believed within a funding interval, and within ten bars where bars are
    sparse (Endpoint.lead_rows).
    """
    assert answer.oldest is not None
    assert answer.newest is not None
    before, after = answer.oldest - piece.start, piece.end - answer.newest
    if series.dataset == "funding":
        # Nothing later is claimed, and none is expected yet.
        up_to_date = answer.newest + 1 >= settled and after < _spacing(series, answer)
        if endpoint.newest_first:
            return before < MINUTE_MS, after <= FUNDING_USUAL_STEP_MS or up_to_date
        return before <= FUNDING_USUAL_STEP_MS, up_to_date
    step = TIMEFRAMES[series.timeframe]
    return before < step, after <= step * (1 + endpoint.lead_rows)


def _spacing(series: Series, answer: PageSummary) -> int:
    """Time from one row of a page to the next: of bars their length, of payments the mean, or the usual one."""
    assert answer.oldest is not None
    assert answer.newest is not None
    if series.dataset == "bars":
        return TIMEFRAMES[series.timeframe]
    return (answer.newest - answer.oldest) // (answer.rows - 1) if answer.rows > 1 else FUNDING_USUAL_STEP_MS


def _learn_cap(source: VenueClient, endpoint: Endpoint, piece: Piece, answer: PageSummary) -> int | None:
    """The venue's own cap of a page: a page after which there were more rows was cut, and a longer one ends that."""
    caps = source.caps
    if piece.known is not None and piece.after > 1 and _goes_beyond(piece.known, endpoint, answer):
        caps[endpoint.path] = min(caps.get(endpoint.path, piece.after), piece.after)
    if answer.rows > caps.get(endpoint.path, answer.rows):
        del caps[endpoint.path]
    return caps.get(endpoint.path)


def _goes_beyond(known: int, endpoint: Endpoint, answer: PageSummary) -> bool:
    """Whether the venue has more rows beside a known one; those from before the window are none of them."""
    assert answer.oldest is not None
    assert answer.newest is not None
    return answer.newest > known or (answer.oldest < known and not endpoint.early_rows)


def _fitting(source: VenueClient, ask: Ask, piece: Piece) -> list[Piece]:
    """What is left of a window, in windows that a capped page can fill."""
    cap = source.caps.get(ask.endpoint.path)
    if cap is None or piece.known is not None or ask.series.dataset == "funding":
        return [piece]
    length = cap * TIMEFRAMES[ask.series.timeframe]
    starts = range(piece.start, piece.end, length)
    return [Piece(start, min(start + length, piece.end)) for start in starts]


async def _listing(source: VenueClient, ask: Ask, now: int) -> list[Page]:
    """Every page of a listing, all with the time of the last one: the list as a whole was known then.

    The last page says whether the listing is complete: it leads to no other page, and the listing neither has far
    fewer records than the one before (Ask.least_rows) nor begins too late (Ask.since).
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
            raise MalformedResponse(f"{source.venue.name} {ask.endpoint.path} leads from page to page without end")
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
            raise MalformedResponse(f"{source.venue.name} {ask.endpoint.path} lists nothing at all")
        return answer

    return await source.ask(ask.endpoint, {**_params(source, ask, start, end), **(more or {})}, read)


def _check_window(source: VenueClient, ask: Ask, answer: PageSummary, start: int, end: int) -> None:
    """A venue that drops a parameter answers with its newest page and no error."""
    step = TIMEFRAMES.get(ask.series.timeframe, 1)
    if answer.oldest is None or answer.newest is None:
        return
    too_early = answer.oldest <= start - step and not ask.endpoint.early_rows
    if too_early or answer.newest >= end or answer.oldest > answer.newest:
        raise MalformedResponse(
            f"{source.venue.name} answers with rows from {answer.oldest} to {answer.newest} of {ask.series}, "
            f"asked from {start} to {end} (ms)"
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
