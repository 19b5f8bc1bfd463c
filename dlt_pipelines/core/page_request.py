"""One request of a plan: a window of a series, or a listing as a whole."""

from dataclasses import dataclass

from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.series import Series


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A window to request, in ms since 1970; `start` and `end` are None for a listing."""

    series: Series
    endpoint: Endpoint
    start: int | None = None
    end: int | None = None
    min_rows: int = 0
    """A listing with fewer records is not complete (dlt_pipelines/planning/listings.py)."""
    since: int | None = None
    """A history whose oldest record is later than this is not complete."""
