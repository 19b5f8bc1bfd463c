"""The interface of a venue's WebSocket protocol, and the parsed form of its frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from dlt_pipelines.core.series import Series


class Kind(Enum):
    """Kind of a frame."""

    CLOSED = "closed"
    """Contains at least one bar that the venue marks as closed."""
    OPEN = "open"
    """Contains only open bars: counted, never stored."""
    QUOTE = "quote"
    ACK = "ack"
    REFUSED = "refused"
    BUSY = "busy"
    """The venue cannot answer now (too many requests, an internal error): no word about a topic."""
    NOTICE = "notice"
    """The venue announces the end of the connection."""
    PONG = "pong"
    CONTROL = "control"
    """Known and ignored."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed frame. Times: ms since 1970."""

    kind: Kind
    topic: str = ""
    opens: tuple[int, ...] = ()
    """Open times of the closed bars."""
    event_ms: int | None = None
    """The venue's own time of the frame; None if it has none."""
    update: int | None = None
    """Update id of a quote."""
    topics: tuple[str, ...] = ()
    """Topics that a reply names; if empty, those of the oldest unanswered request, or of `request`."""
    request: str = ""
    """Id of the request that a reply belongs to."""
    text: str = ""
    """Message of the venue."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One subscription."""

    name: str
    series: Series
    quotes: bool = False


@dataclass(frozen=True, slots=True)
class RestRow:
    """A bar in a REST response. `confirmed`: the venue's own flag; None if it has none."""

    open_ms: int
    traded: bool
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A venue and market with a live feed, and its raw tables."""

    venue: str
    market: str
    bars_table: str
    quotes_table: str
    origin: str
    """Key of Settings.origins that overrides scheme and host of the WebSocket."""
    address: str
    """Default scheme and host."""
    rest_address: str
    grace_ms: int
    """Time from the end of a minute until a missing bar is requested by REST."""


class WebSocketProtocol(Protocol):
    """A venue's protocol for one market."""

    @property
    def place(self) -> Place:
        """The venue and market."""

    @property
    def most_topics(self) -> int:
        """Subscriptions per connection."""

    @property
    def ping_text(self) -> str | None:
        """Text that keeps the connection alive; None for ping frames."""

    @property
    def life_seconds(self) -> float | None:
        """Age at which the venue ends a connection; None if unknown."""

    @property
    def request_gap_seconds(self) -> float:
        """Delay between two requests on a connection."""

    @property
    def quotes_have_time(self) -> bool:
        """Whether a quote carries the engine's time, which distinguishes a late frame from restarted ids."""

    def topic(self, series: Series, *, quotes: bool) -> str:
        """Name of a subscription."""

    def path(self, topics: Sequence[Topic]) -> str:
        """Path and query of the WebSocket URL."""

    def requests(self, topics: Sequence[Topic]) -> list[tuple[str, tuple[str, ...]]]:
        """Subscription messages and the topics of each; none if the URL names the topics."""

    def read(self, text: str) -> Message:
        """Parse a frame; raises ValueError, KeyError or TypeError if it is not a frame of the venue."""

    def rest_rows(self, body: Any) -> list[RestRow]:
        """Bars of a successful REST response, in any order."""

    def values(self, body: Any, open_ms: int, *, rest: bool) -> tuple[str, ...]:
        """Open, high, low, close, volume and quote volume of a bar as text; empty if the body does not contain it."""

    def splits(self, message: Message) -> bool:
        """Whether a refusal affects a whole request because of one unnamed topic."""


def base_address(place: Place, origins: Mapping[str, str]) -> str:
    """Scheme, host and an optional path prefix of the WebSocket URL."""
    return origins.get(place.origin, place.address)
