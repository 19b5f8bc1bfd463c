"""The protocol of a venue. A new venue is one package in `venues/` with an object that implements it.

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
    """Summary of a body: number of records, time of the oldest and the newest, the venue's time if it is included.

    `more` are the parameters of the next page of a listing; empty on its last page.
    """

    rows: int
    oldest: int | None = None
    newest: int | None = None
    server_time: int | None = None
    more: Mapping[str, str] = field(default_factory=dict)


class Venue(Protocol):
    """Everything specific to one venue."""

    @property
    def name(self) -> str:
        """As written in the universe, in instrument ids and in table names."""

    @property
    def ccxt_id(self) -> str | None:
        """ccxt's id of the venue; None if ccxt does not support it."""

    @property
    def archive(self) -> Archive | None:
        """Its bulk files; None if it publishes none."""

    @property
    def websockets(self) -> tuple[WebSocketProtocol, ...]:
        """Its real-time feeds, one a market; empty where `mdw live` does not follow it."""

    def markets(self, dataset: str) -> tuple[str, ...]:
        """Markets for which the venue serves a dataset; empty if it does not have the dataset."""

    def table(self, series: Series) -> str:
        """Name of the table in `raw` for its pages, without the venue's prefix."""

    def endpoint(self, series: Series, start: int, now: int) -> Endpoint:
        """The endpoint that serves a window starting at `start` when the venue's time is `now`."""

    def venue_symbol(self, series: Series) -> str:
        """The symbol as the venue writes it; empty for listings."""

    def params(self, series: Series, endpoint: Endpoint, start: int, end: int) -> dict[str, str]:
        """Query parameters of one page."""

    def check(self, status: int, body: Any) -> None:
        """Raise the matching VenueError if the decoded body is an error."""

    def read(self, series: Series, body: Any) -> PageSummary:
        """Summarize the records of a valid body."""

    def clock(self, series: Series) -> Endpoint | None:
        """The endpoint for the venue's time; None if it has none."""

    def read_clock(self, body: Any) -> int:
        """The venue's time in a response of `clock`."""

    def addresses(self, origins: Mapping[str, str]) -> dict[str, str]:
        """Addresses that override ccxt's own, by ccxt's name of the API."""
