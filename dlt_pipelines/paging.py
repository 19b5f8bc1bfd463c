"""From a window to pages: what each page proves, and what is left to ask.

A page claims a window only as far as its rows prove it: a full page claims up to its last row, and the rest
of the window is asked for again. Nothing later than the venue's last closed bar is claimed, and nothing older
than the venue documents to serve unless it served it.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from dlt_pipelines.errors import BrokenAnswer
from dlt_pipelines.page import Page
from dlt_pipelines.planning import Ask, wanted_end
from dlt_pipelines.reply import Reply
from dlt_pipelines.series import Series
from dlt_pipelines.source import Source
from dlt_pipelines.timeframes import TIMEFRAMES
from dlt_pipelines.venue import Answer, Endpoint

# A settled funding rate may reach the venue's history late: emptiness is believed after a day.
FUNDING_SETTLES_MS = 24 * 3600 * 1000
# Venues answer with nothing now and then where there is something: emptiness counts once it was said again after each
# of these seconds. At two with no pause, one empty answer in five left holes (docs/reliability.md).
EMPTY_PAUSES = (0.1, 0.2, 0.4, 0.8)


async def pages_of(source: Source, ask: Ask) -> AsyncIterator[Page]:
    """Fetch everything that an ask is about, page by page; raises SourceTrouble."""
    now = await source.now(ask.series)
    if ask.start is None or ask.end is None:
        reply, answer = await _fetch(source, ask, 0, 0)
        yield _page(source, ask, (None, None, {}), reply, answer, now)
        return
    start, end = ask.start, min(ask.end, wanted_end(ask.series, now))
    while start < end:
        page, rest = await next_page(source, ask, start, end, now)
        if page is not None:
            yield page
        if rest == (start, end):
            raise BrokenAnswer(f"{source.venue.name} gives the same page of {ask.series} again and again")
        start, end = rest


async def next_page(source: Source, ask: Ask, start: int, end: int, now: int) -> tuple[Page | None, tuple[int, int]]:
    """One page of [start, end), None where it proves nothing, and what is left to ask."""
    for pause in (0.0, *EMPTY_PAUSES):
        await asyncio.sleep(pause)
        reply, answer = await _fetch(source, ask, start, end)
        claim, rest = divide(ask.series, ask.endpoint, answer, start, end, now)
        if answer.rows or claim[0] >= claim[1]:
            break
    if not answer.rows and claim[0] >= claim[1]:
        return None, rest
    return _page(source, ask, (*claim, _params(source, ask, start, end)), reply, answer, now), rest


def divide(
    series: Series, endpoint: Endpoint, answer: Answer, start: int, end: int, now: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The part of [start, end) that an answer proves, and the part still to ask."""
    step = TIMEFRAMES.get(series.timeframe, 1)
    claim_end = end
    if series.dataset == "funding":
        newest = start if answer.newest is None else answer.newest + 1
        claim_end = min(end, max(newest, now - FUNDING_SETTLES_MS))
    served = max(start, now - endpoint.reach_ms) if endpoint.reach_ms else start
    if answer.oldest is None or answer.newest is None:
        return (served, max(served, claim_end)), (end, end)
    if answer.rows < endpoint.page_rows and not endpoint.until_empty:
        return (max(start, min(served, answer.oldest)), claim_end), (end, end)
    if endpoint.newest_first:
        proven = min(max(answer.oldest, start), end)
        return (proven, max(proven, claim_end)), (start, proven)
    proven = min(max(answer.newest + step, start), end)
    return (start, proven), (proven, end)


async def _fetch(source: Source, ask: Ask, start: int, end: int) -> tuple[Reply, Answer]:
    def read(body: Any) -> Answer:
        answer = source.venue.read(ask.series, body)
        if ask.start is not None:
            _check_window(source, ask, answer, start, end)
        elif not answer.rows:
            raise BrokenAnswer(f"{source.venue.name} {ask.endpoint.path} lists nothing at all")
        return answer

    return await source.ask(ask.endpoint, _params(source, ask, start, end), read)


def _check_window(source: Source, ask: Ask, answer: Answer, start: int, end: int) -> None:
    """A venue that drops a parameter answers with its newest page and no error."""
    step = TIMEFRAMES.get(ask.series.timeframe, 1)
    if answer.oldest is None or answer.newest is None:
        return
    too_early = answer.oldest <= start - step and not ask.endpoint.early_rows
    if too_early or answer.newest >= end or answer.oldest > answer.newest:
        raise BrokenAnswer(
            f"{source.venue.name} answers with rows from {answer.oldest} to {answer.newest} of {ask.series}, "
            f"asked from {start} to {end} (ms)"
        )


def _params(source: Source, ask: Ask, start: int, end: int) -> dict[str, str]:
    return source.venue.params(ask.series, ask.endpoint, start, end)


def _page(
    source: Source,
    ask: Ask,
    asked: tuple[int | None, int | None, dict[str, str]],
    reply: Reply,
    answer: Answer,
    now: int,
) -> Page:
    has_clock = source.venue.clock(ask.series) is not None
    return Page(
        series=ask.series,
        table=source.venue.table(ask.series),
        venue_symbol=source.venue.venue_symbol(ask.series),
        endpoint=ask.endpoint.path,
        params=asked[2] or _params(source, ask, 0, 0),
        window_start=asked[0],
        window_end=asked[1],
        status=reply.status,
        fetched_at=datetime.now(UTC),
        server_time=answer.server_time or (now if has_clock else None),
        rows=answer.rows,
        payload=reply.text,
    )
