"""A REST endpoint of a venue, how it pages, and the documented rate limit that it counts against."""

from dataclasses import dataclass
from datetime import datetime

# Requests bunch up on the way: the venue counts arrivals, we count departures. So only this share of a limit is used.
SHARE_OF_LIMIT = 0.95


@dataclass(frozen=True, slots=True)
class Budget:
    """A documented rate limit: `weight` in `seconds`, shared by every endpoint that names it."""

    name: str
    weight: float
    seconds: float

    @property
    def per_second(self) -> float:
        """Weight per second."""
        return self.weight / self.seconds


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One REST call and how it pages."""

    path: str
    """Path as documented, without host; recorded with each page."""
    method: str
    """ccxt's implicit method; empty for a venue that ccxt does not support."""
    origin: str
    """The key of Settings.origins that overrides the venue's address."""
    budget: Budget
    weight: float = 1
    page_rows: int = 0
    """Maximum number of records in one response; 0: everything in one response."""
    newest_first: bool = False
    sparse: bool = False
    """The venue has no row for a bar without a trade: fewer rows than bars do not indicate an outage."""
    widest_ms: int = 0
    """Longest window that may be requested; one of more than page_rows bars returns coarser rows, which can only prove
    that it is empty. 0: any window may be requested, and page_rows rows of it are returned."""
    early_rows: bool = False
    """The response may include rows before the window."""
    lead_rows: int = 0
    """Number of bars before a window to request with it: one of them proves that the page reaches the window's start,
    since most windows of a sparse series do not begin with a row."""
    reach_ms: int = 0
    """How far back the venue documents to serve data; 0: without limit. An empty page from before proves nothing."""
    history_start: datetime | None = None
    """For a history that comes in one response: the time of its oldest record, UTC. None: not a history."""
