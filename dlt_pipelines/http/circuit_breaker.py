"""When to stop requesting one series, or everything behind one rate limit of a venue.

A failing symbol must not keep the others from landing, and a venue that is down must not be retried for hours. So a
series is left to a later run after SERIES_ATTEMPTS consecutive requests failed for good (each after several
attempts). A venue is left to a later run only when requests for VENUE_ATTEMPTS different instruments failed and
nothing at all was answered in between.
"""

import time
from collections import Counter

from dlt_pipelines.core.series import Series

SERIES_ATTEMPTS = 3
VENUE_ATTEMPTS = 3
_Instrument = tuple[str, str, str]


class CircuitBreaker:
    """Tracks failures of a venue's endpoints that share a limit, or of its archive."""

    def __init__(self) -> None:
        self._last_answer = float("-inf")
        self._in_a_row: Counter[Series] = Counter()
        self._alone: set[_Instrument] = set()
        self._unanswered: set[_Instrument] = set()

    def answered(self, series: Series, *, ok: bool = True) -> None:
        """The venue answered; `ok` is False if it refused this series, which proves only that the venue is up."""
        self._last_answer = time.monotonic()
        self._unanswered.clear()
        if ok:
            self._in_a_row.pop(series, None)
            self._alone.discard(_instrument(series))

    def gave_up(self, series: Series, began: float) -> None:
        """A request that began at this monotonic time failed for good."""
        self._in_a_row[series] += 1
        if began <= self._last_answer:
            # Other requests were answered meanwhile: the failure concerns this series alone.
            self._alone.add(_instrument(series))
        elif _instrument(series) not in self._alone:
            self._unanswered.add(_instrument(series))

    def series_failed(self, series: Series) -> bool:
        """Whether the rest of the series is left to a later run."""
        return self._in_a_row[series] >= SERIES_ATTEMPTS

    @property
    def venue_is_down(self) -> bool:
        """Whether to send no more requests at all."""
        return len(self._unanswered) >= VENUE_ATTEMPTS


def _instrument(series: Series) -> _Instrument:
    """Bars of all timeframes and funding of one instrument fail together."""
    return ("" if series.windowed else series.dataset, series.market, series.symbol)
