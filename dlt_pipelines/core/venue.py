"""The protocol of a venue. A new venue is one package in `venues/` with an object that fulfils it.

Times in every signature: milliseconds since 1970, UTC; a window includes its start and excludes its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from dlt_pipelines.core.archive import Archive
from dlt_pipelines.core.endpoint import Endpoint
from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import WebSocketProtocol


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
    """Everything that is particular to one venue."""

    @property
    def name(self) -> str:
        """As written in the universe, in instrument ids and in table names."""

    @property
    def ccxt_id(self) -> str | None:
        """ccxt's name of it; None where ccxt does not know it."""

    @property
    def archive(self) -> Archive | None:
        """Its bulk files; None where it publishes none."""

    @property
    def websockets(self) -> tuple[WebSocketProtocol, ...]:
        """Its real-time feeds, one a market; empty where `mdw live` does not follow it."""

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
