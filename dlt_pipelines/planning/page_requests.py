"""Wanted windows minus covered ones, cut into pages on a fixed grid that every plan shares."""

from collections.abc import Iterator

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.intervals import Windows, subtract
from dlt_pipelines.core.page_request import PageRequest
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, TIMEFRAMES, ceil_to, floor_to
from dlt_pipelines.core.venue import Venue

FUNDING_USUAL_STEP_MS = 8 * 60 * MINUTE_MS


def wanted_end(series: Series, now: int) -> int:
    """The end of a series at the venue's time `now`: the end of the last closed bar, or `now` for funding."""
    if series.dataset == "bars":
        return floor_to(now, TIMEFRAMES[series.timeframe])
    return floor_to(now, MINUTE_MS)


def window_requests(
    venue: Venue, series: Series, span: tuple[int, int], done: Windows, now: int
) -> Iterator[PageRequest]:
    """Requests for what is missing of a series in the span, oldest first."""
    step = TIMEFRAMES.get(series.timeframe, MINUTE_MS)
    start, end = ceil_to(span[0], step), min(floor_to(span[1], step), wanted_end(series, now))
    for hole_start, hole_end in subtract(start, end, done):
        while hole_start < hole_end:
            endpoint = venue.endpoint(series, hole_start, now)
            border = min(_next_border(series, endpoint, hole_start), hole_end)
            yield PageRequest(series, endpoint, hole_start, border)
            hole_start = border


def page_length(series: Series, endpoint: Endpoint) -> int:
    """Time that a full page spans, in ms."""
    if series.dataset == "funding":
        # Eight hours is the usual interval; with a shorter one the page fills up, and the rest is requested again.
        return endpoint.page_rows * FUNDING_USUAL_STEP_MS
    return (endpoint.page_rows - endpoint.lead_rows) * TIMEFRAMES[series.timeframe]


def _next_border(series: Series, endpoint: Endpoint, start: int) -> int:
    """The first time after `start` on the grid of full pages."""
    length = page_length(series, endpoint)
    return floor_to(start, length) + length
