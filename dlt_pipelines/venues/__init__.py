"""The registry of venues. A new venue is a package here and an entry below; no code outside this package names one."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from dlt_pipelines.core.archive import Archive
from dlt_pipelines.core.venue import Venue
from dlt_pipelines.core.websocket import WebSocketProtocol
from dlt_pipelines.venues.alternative_me import AlternativeMe
from dlt_pipelines.venues.binance import Binance
from dlt_pipelines.venues.bybit import Bybit
from dlt_pipelines.venues.coinbase import Coinbase
from dlt_pipelines.venues.okx import Okx

VENUES: dict[str, Venue] = {venue.name: venue for venue in (Binance(), Okx(), Bybit(), Coinbase(), AlternativeMe())}


def serving(dataset: str) -> list[str]:
    """Venues that have a dataset, such as the one source of fear_greed, in the order of the registry."""
    return [name for name, venue in VENUES.items() if venue.markets(dataset)]


class _Archives(Mapping[str, Archive]):
    """The archives of the registered venues, by venue."""

    def __getitem__(self, venue: str) -> Archive:
        archive = VENUES[venue].archive
        if archive is None:
            raise KeyError(venue)
        return archive

    def __iter__(self) -> Iterator[str]:
        return (name for name, venue in VENUES.items() if venue.archive is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


ARCHIVES: Mapping[str, Archive] = _Archives()


class _WebSockets(Mapping[tuple[str, str], WebSocketProtocol]):
    """The real-time feeds of the registered venues, by venue and market; imported on first use."""

    @cached_property
    def _feeds(self) -> dict[tuple[str, str], WebSocketProtocol]:
        return {
            (protocol.place.venue, protocol.place.market): protocol
            for venue in VENUES.values()
            for protocol in venue.websockets
        }

    def __getitem__(self, place: tuple[str, str]) -> WebSocketProtocol:
        return self._feeds[place]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._feeds)

    def __len__(self) -> int:
        return len(self._feeds)


WEBSOCKETS: Mapping[tuple[str, str], WebSocketProtocol] = _WebSockets()
