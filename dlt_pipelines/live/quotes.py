"""Best bid and ask: decides which frame is newer, and samples the last one of each second."""

from collections import Counter
from dataclasses import dataclass, field

from dlt_pipelines.core.series import Series
from dlt_pipelines.core.websocket import Message, Topic, WebSocketProtocol
from dlt_pipelines.live.clock import recv_us
from dlt_pipelines.live.rows import Row, page, plausible_ms


@dataclass(slots=True)
class _Last:
    text: str
    update: int
    event_ms: int | None
    received_us: int
    conn: str
    unsaved: bool = True


@dataclass(slots=True)
class QuoteBook:
    """The newest quote of each series of one venue and market.

    A larger id is newer; an equal one refreshes the age. A smaller one is newer if the engine's time shows it (the
    venue restarts its ids after a maintenance, even on an open connection); otherwise it is dropped and counted.
    Binance spot has no such time: there the ids may restart on a connection that replaced a closed one.
    """

    protocol: WebSocketProtocol
    counts: Counter[str] = field(default_factory=Counter)
    alive: set[str] = field(default_factory=set)
    """Open connections."""
    _last: dict[Series, _Last] = field(default_factory=dict)

    def take(self, topic: Topic, message: Message, text: str, conn: str) -> None:
        """Consider a quote; ValueError for one that cannot be stored: a page has a line for each frame."""
        if "\n" in text or "\r" in text:
            raise ValueError("a line break within a frame")
        if message.event_ms is not None:
            plausible_ms(message.event_ms)
        last, update = self._last.get(topic.series), message.update or 0
        now = recv_us()
        if last is None or update > last.update:
            self._last[topic.series] = _Last(text, update, message.event_ms, now, conn)
        elif update == last.update:
            self.counts["repeated"] += 1
            last.received_us, last.unsaved = now, True
        elif self._is_renumbered(last, message, conn):
            self.counts["renumbered"] += 1
            self._last[topic.series] = _Last(text, update, message.event_ms, now, conn)
        else:
            self.counts["older"] += 1

    def _is_renumbered(self, last: _Last, message: Message, conn: str) -> bool:
        if self.protocol.quotes_have_time and message.event_ms is not None and last.event_ms is not None:
            return message.event_ms > last.event_ms
        return conn != last.conn and last.conn not in self.alive

    def sample(self) -> Row | None:
        """The quotes that arrived since the last sample as one page, one line per quote, as sent."""
        fresh = {series: last for series, last in self._last.items() if last.unsaved}
        if not fresh:
            return None
        for last in fresh.values():
            last.unsaved = False
        place = self.protocol.place
        frames = [[series.symbol, last.received_us, last.conn] for series, last in fresh.items()]
        return page(
            place.quotes_table,
            Series("quotes", place.venue, place.market),
            "",
            "quotes",
            {"frames": frames},
            "\n".join(last.text for last in fresh.values()),
            opens=(),
            status=101,
            received_us=max(last.received_us for last in fresh.values()),
            server_ms=max((last.event_ms for last in fresh.values() if last.event_ms), default=None),
            rows=len(fresh),
            quotes=True,
        )
