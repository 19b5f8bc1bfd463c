"""Turns what the archive files of a run lack into windows for REST: files that did not land, and missing rows."""

from collections import defaultdict

from dlt_pipelines.archive.run import Outcome
from dlt_pipelines.core.intervals import Windows, subtract
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import TIMEFRAMES, to_ms
from dlt_pipelines.planning import coverage
from dlt_pipelines.planning.lane_choice import lacks, rest_reach
from dlt_pipelines.planning.page_requests import page_length
from dlt_pipelines.venues import VENUES
from warehouse.client import connect
from warehouse.settings import Settings


def left_to_rest(
    settings: Settings, outcome: Outcome, fall_back: bool
) -> tuple[list[tuple[Series, int, int]], list[str]]:
    """Windows (ms since 1970) to request from REST, and a notice for each incomplete file.

    Time that is covered by other pages is not missing: the years before a listing, or what REST landed meanwhile.
    """
    if not outcome.short:
        return outcome.for_rest, []
    now = to_ms(settings.clock())
    with connect(settings, "ingest") as client:
        done = coverage.covered(client, list({file.series for file, _ in outcome.short}))
    notices: list[str] = []
    holes: dict[Series, Windows] = defaultdict(list)
    for file, windows in outcome.short:
        missing = [hole for window in windows for hole in subtract(*window, done.get(file.series, []))]
        if not missing:
            continue
        in_reach = missing[-1][1] > rest_reach(file.series, now)
        then = (
            "requested from REST"
            if fall_back and in_reach
            else "still to be fetched (--lane auto requests it from REST)"
        )
        notices.append(f"{file.name} {lacks(file.series, missing)}: {then}.")
        holes[file.series] += missing
    if not fall_back:
        return outcome.for_rest, notices
    requested = [
        (series, max(start, rest_reach(series, now)), end)
        for series, windows in holes.items()
        for start, end in _together(series, windows, now)
        if end > rest_reach(series, now)
    ]
    return outcome.for_rest + requested, notices


def _together(series: Series, holes: Windows, now: int) -> Windows:
    """Holes, each with a neighbouring bar, which proves that a response is complete; holes of one page are joined."""
    step = TIMEFRAMES.get(series.timeframe, 0)
    length = page_length(series, VENUES[series.venue].endpoint(series, 0, now))
    found: Windows = []
    for start, end in sorted(holes):
        if found and end + step - found[-1][0] <= length:
            found[-1] = (found[-1][0], max(found[-1][1], end + step))
        else:
            found.append((start - step, end + step))
    return found
