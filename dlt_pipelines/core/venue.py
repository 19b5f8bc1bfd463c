"""What a venue has to say about itself. A new venue is one package in `venues/` with an object of this form.

Times in every signature: milliseconds since 1970, UTC; a window includes its start and excludes its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from dlt_pipelines.core.series import Series


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
    """No row for a bar without a trade: a page with fewer rows than bars is no sign of an outage."""
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


@dataclass(frozen=True, slots=True)
class PageSummary:
    """What a body holds: number of records, time of the oldest and the newest, the venue's clock if named.

    `more` are parameters of the next page of a listing; empty on its last one.
    """

    rows: int
    oldest: int | None = None
    newest: int | None = None
    server_time: int | None = None
    more: Mapping[str, str] = field(default_factory=dict)


class Venue(Protocol):
    """All quirks of one venue."""

    @property
    def name(self) -> str:
        """As written in the universe, in instrument ids and in table names."""

    @property
    def ccxt_id(self) -> str | None:
        """ccxt's name of it; None where ccxt does not know it."""

    def markets(self, dataset: str) -> tuple[str, ...]:
        """Markets that the venue serves for a dataset; empty where it has none."""

    def table(self, series: Series) -> str:
        """Table of its pages in `raw`, without the venue's prefix."""

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        """Where to ask for a window that starts at `start`, the venue's clock being at `now`."""

    def venue_symbol(self, series: Series) -> str:
        """The symbol as the venue writes it; empty for listings."""

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        """Query parameters of one page."""

    def check(self, status: int, body: Any) -> None:
        """Raise the right VenueError where the decoded body is an error."""

    def read(self, series: Series, body: Any) -> PageSummary:
        """Count and date the records of a good body."""

    def clock(self, series: Series) -> Endpoint | None:
        """Where to ask for the venue's time; None where it has no such call."""

    def read_clock(self, body: Any) -> int:
        """The venue's time in a body of `clock`."""

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        """Addresses to put over ccxt's own, by ccxt's name of the API."""
