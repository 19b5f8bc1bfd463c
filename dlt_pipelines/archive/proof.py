"""Which windows the rows of a file prove: a genuine file may lack hours or days, and venues repair such files months
later.

A file covers the time between two consecutive rows if no row can be missing between them. For bars: they are less than
two bars apart. For funding: they are at most eight hours apart, and no further than the longer of the two neighbouring
distances (the funding interval may change, but a missing payment leaves a distance longer than both of its
neighbours). The same holds for the distance to the edges of the period. Conflicting rows of the same time prove
nothing. Times: milliseconds since 1970, UTC.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlt_pipelines.core.intervals import Windows, merge, subtract
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.time_grid import MINUTE_MS, TIMEFRAMES
from dlt_pipelines.planning.page_requests import FUNDING_USUAL_STEP_MS

# A file with more holes covers nothing: its whole period takes fewer REST calls than each hole by itself.
MAX_HOLES = 64
# Funding times are some ms or seconds after the full hour.
_JITTER_MS = MINUTE_MS
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows [first, last) of a file, and the window that they prove (None if they prove nothing)."""

    first: int
    last: int
    window: tuple[int, int] | None


def stretches(series: Series, period: tuple[int, int], times: Times, conflicts: Times) -> list[Stretch]:
    """The rows of a file, cut where rows are missing between them. `conflicts` are the times of conflicting rows."""
    start, end = period
    rows = len(times)
    holes = _holes(series, period, np.unique(times[~np.isin(times, conflicts)]))
    if len(conflicts) + len(holes) > MAX_HOLES:
        return [Stretch(0, rows, None)]
    proven = [window for window in subtract(start, end, merge(holes)) if window[0] < window[1]]
    if (times[1:] < times[:-1]).any():
        # Rows in another order: the file covers its whole period or nothing.
        return [Stretch(0, rows, period if proven == [period] else None)]
    found = []
    done = 0
    for window in proven:
        # A funding time may lie slightly outside the period.
        first = 0 if window[0] == start else int(np.searchsorted(times, window[0]))
        last = rows if window[1] == end else int(np.searchsorted(times, window[1]))
        if done < first:
            found.append(Stretch(done, first, None))
        if first < last:
            found.append(Stretch(first, last, window))
        done = last
    return [*found, Stretch(done, rows, None)] if done < rows else found


def missing(period: tuple[int, int], found: list[Stretch]) -> Windows:
    """The windows of the period that no stretch proves."""
    return subtract(*period, merge([one.window for one in found if one.window is not None]))


def _holes(series: Series, period: tuple[int, int], times: Times) -> Windows:
    start, end = period
    if not len(times):
        return [period]
    step = TIMEFRAMES.get(series.timeframe, 1)
    first, last = int(times[0]), int(times[-1])
    steps = np.diff(times)
    if series.dataset == "funding":
        max_step = FUNDING_USUAL_STEP_MS + _JITTER_MS
        beside = np.maximum(np.append(0, steps[:-1]), np.append(steps[1:], 0)) + _JITTER_MS
        beside[beside == _JITTER_MS] = max_step
        broken = (steps > max_step) | (steps > beside)
        holes = [(start, first)] if first - start > max_step else []
        after = [(last + 1, end)] if end - last > max_step else []
    else:
        broken = steps >= 2 * step
        holes = [(start, first)] if first - start >= step else []
        after = [(last + step, end)] if end - last >= 2 * step else []
    for number in np.flatnonzero(broken).tolist():
        holes.append((int(times[number]) + step, int(times[number + 1])))
    return [*holes, *after]
