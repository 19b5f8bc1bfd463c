"""A REST endpoint of a venue, how it pages, and the documented rate limit that it counts against."""

from dataclasses import dataclass
from datetime import datetime

# Calls bunch up on the way: the venue counts arrivals, we count departures. So much of a limit is used.
SHARE_OF_LIMIT = 0.95


@dataclass(frozen=True, slots=True)
class Budget:
    """A documented limit: so much weight in so many seconds, shared by every endpoint that names it."""

    name: str
    weight: float
    seconds: float

    @property
    def per_second(self) -> float:
        """Weight a second."""
        return self.weight / self.seconds


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One REST call and how it pages."""

    path: str
    """Path as documented, without host; recorded with each page."""
    method: str
    """ccxt's implicit method; empty where ccxt does not know the venue."""
    origin: str
    """Key of Settings.origins that may replace the venue's address."""
    budget: Budget
    weight: float = 1
    page_rows: int = 0
    """Most records that one call gives; 0: everything in one answer."""
    newest_first: bool = False
    sparse: bool = False
    """No row for a bar without a trade: a page with fewer rows than bars does not indicate an outage."""
    widest_ms: int = 0
    """Longest window that is answered; beyond page_rows bars with rows of a coarser kind, which can only prove that
    there is nothing. 0: any window is answered, with page_rows rows of it."""
    early_rows: bool = False
    """Rows before the window may come along with it."""
    lead_rows: int = 0
    """So many bars before a window are asked for with it: one of them proves that the page reaches the window's start,
    where most windows of a sparse series do not begin with a row."""
    reach_ms: int = 0
    """How far back the venue documents to answer; 0: for ever. Emptiness beyond it proves nothing."""
    history_start: datetime | None = None
    """Of a history that comes in one answer: the time of its oldest record, UTC. None: not a history."""
