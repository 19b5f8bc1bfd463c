"""What a venue's socket has to say about itself, and what the reader understands of its frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from dlt_pipelines.core.series import Series


class Kind(Enum):
    """What a frame is."""

    CLOSED = "closed"
    """Holds at least one bar that the venue calls closed."""
    OPEN = "open"
    """Bars that are all still open: counted, never stored."""
    QUOTE = "quote"
    ACK = "ack"
    REFUSED = "refused"
    BUSY = "busy"
    """The venue cannot answer now (too many requests, an internal error): no word about a topic."""
    NOTICE = "notice"
    """The venue is about to end the connection."""
    PONG = "pong"
    CONTROL = "control"
    """Known and without consequence."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Message:
    """A frame as understood. Times: ms since 1970."""

    kind: Kind
    topic: str = ""
    opens: tuple[int, ...] = ()
    """Open times of the closed bars."""
    event_ms: int | None = None
    """The venue's own time of the frame; None where it has none."""
    update: int | None = None
    """Update id of a quote."""
    topics: tuple[str, ...] = ()
    """Topics that an answer names; empty: those of the oldest request that waits for one, or of `request`."""
    request: str = ""
    """Id of the request that an answer belongs to."""
    text: str = ""
    """Words of the venue."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One subscription."""

    name: str
    series: Series
    quotes: bool = False


@dataclass(frozen=True, slots=True)
class RestRow:
    """A bar in a REST answer. `confirmed`: the venue's own flag; None where it has none."""

    open_ms: int
    traded: bool
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A venue and market that can be followed, and its raw tables."""

    venue: str
    market: str
    bars_table: str
    quotes_table: str
    origin: str
    """Key of Settings.origins that replaces scheme and host of the socket."""
    address: str
    """Scheme and host where nothing replaces them."""
    rest_address: str
    grace_ms: int
    """From the end of a minute until REST is asked for a bar that did not come."""


class WebSocketProtocol(Protocol):
    """A venue's protocol for one place."""

    @property
    def place(self) -> Place:
        """What it is for."""

    @property
    def most_topics(self) -> int:
        """Subscriptions a connection."""

    @property
    def ping_text(self) -> str | None:
        """Text that keeps the connection alive; None: ping frames."""

    @property
    def life_seconds(self) -> float | None:
        """The venue ends a connection of this age; None: no such age is known."""

    @property
    def request_gap_seconds(self) -> float:
        """Between two requests on a connection."""

    @property
    def quotes_have_time(self) -> bool:
        """Whether a quote carries the engine's time, which tells a late frame from a venue that counts anew."""

    def topic(self, series: Series, *, quotes: bool) -> str:
        """Name of a subscription."""

    def path(self, topics: Sequence[Topic]) -> str:
        """Path and query of the socket, without host."""

    def requests(self, topics: Sequence[Topic]) -> list[tuple[str, tuple[str, ...]]]:
        """Subscription messages and the topics of each; none where the address names the topics."""

    def read(self, text: str) -> Message:
        """Understand a frame; raises ValueError, KeyError or TypeError for what is no frame of the venue."""

    def rest_rows(self, body: Any) -> list[RestRow]:
        """Bars of a good REST answer, in any order."""

    def values(self, body: Any, open_ms: int, *, rest: bool) -> tuple[str, ...]:
        """Open, high, low, close, volume and quote volume of a bar as text; empty where the body has no such bar."""

    def splits(self, message: Message) -> bool:
        """Whether a refusal concerns a whole request because of one topic that it does not name."""


def base_address(place: Place, origins: Mapping[str, str]) -> str:
    """Scheme, host and an optional path prefix of the socket."""
    return origins.get(place.origin, place.address)
