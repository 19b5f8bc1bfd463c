"""The interface of a venue's WebSocket protocol, and the parsed form of its frames."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from urllib.parse import urlsplit

from dlt_pipelines.core.series import Series
from warehouse.errors import BadInput


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


def base_address(protocol: WebSocketProtocol, topics: Sequence[Topic], origins: Mapping[str, str]) -> str:
    """Scheme, host and an optional path prefix of the WebSocket URL. Raises BadInput for one that cannot be one."""
    place = protocol.place
    address = origins.get(place.origin)
    if address is None:
        return place.address
    variable, like = f"MDW_{place.origin.upper()}", f"Write it like {place.address}; a path prefix may follow"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise BadInput(f"{variable} is {address!r}: {error}. {like}.") from None
    own = protocol.path(topics).partition("?")[0]
    if parts.scheme not in {"ws", "wss"}:
        why = "it does not begin with ws:// or wss://"
    elif not parts.hostname or port == 0 or any(one.isspace() for one in address):
        why = "it has no host that can be connected to"
    elif parts.query or parts.fragment or parts.username is not None:
        why = "only scheme, host and a path can be set"
    elif f"{parts.path}/".endswith(f"{own}/"):
        why = f"the venue's own path {own} is added to it"
    else:
        return address
    raise BadInput(f"{variable} is {address!r}: {why}. {like}.")


def require_known_addresses(protocols: Iterable[WebSocketProtocol], origins: Mapping[str, str]) -> None:
    """Raise BadInput for a variable such as MDW_BINANCE_WS_URL, which would change nothing."""
    known = sorted(protocol.place.origin for protocol in protocols)
    for name in origins:
        if name.endswith("_ws_url") and name not in known:
            names = ", ".join(f"MDW_{one.upper()}" for one in known)
            raise BadInput(f"MDW_{name.upper()} is the address of no feed; those are {names}. Correct or unset it.")
