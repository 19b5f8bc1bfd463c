"""Which bars of one venue and market are due, which have arrived and how, and which are stored."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dlt_pipelines.core.series import Series
from dlt_pipelines.live.clock import MINUTE_MS
from dlt_pipelines.live.rows import SOCKET

KEPT_MINUTES = 180


@dataclass(slots=True)
class _Minute:
    came: dict[Series, str] = field(default_factory=dict)
    stored: dict[Series, str] = field(default_factory=dict)
    reported: str = ""


@dataclass(slots=True)
class Minutes:
    """Bars by minute. A bar that arrives by REST after it arrived by WebSocket still counts as WebSocket."""

    series: list[Series]
    _minutes: dict[int, _Minute] = field(default_factory=dict)
    newest: dict[Series, int] = field(default_factory=dict)
    """Open time of the newest bar that arrived."""

    def came(self, series: Series, opens: Iterable[int], how: str) -> bool:
        """Record bars that arrived; returns whether one of them is new."""
        new = False
        for open_ms in opens:
            minute = self._minutes.setdefault(open_ms, _Minute())
            if series not in minute.came:
                minute.came[series] = how
                new = True
            self.newest[series] = max(open_ms, self.newest.get(series, 0))
        return new

    def has(self, series: Series, open_ms: int) -> bool:
        """Whether the bar has arrived."""
        return open_ms in self._minutes and series in self._minutes[open_ms].came

    def how(self, series: Series, open_ms: int) -> str:
        """How the bar first arrived; empty if it did not."""
        minute = self._minutes.get(open_ms)
        return "" if minute is None else minute.came.get(series, "")

    def lost(self, series: Series, opens: Iterable[int]) -> None:
        """Bars that had arrived were lost: they are due again."""
        for open_ms in opens:
            if open_ms in self._minutes:
                self._minutes[open_ms].came.pop(series, None)

    def stored(self, series: Series, opens: Iterable[int], how: str) -> None:
        """Record bars that ClickHouse has acknowledged."""
        for open_ms in opens:
            minute = self._minutes.setdefault(open_ms, _Minute())
            minute.came.setdefault(series, how)
            minute.stored.setdefault(series, how)

    def is_reported_complete(self, open_ms: int) -> bool:
        """Whether the whole minute is stored and this was recorded."""
        return open_ms in self._minutes and self._minutes[open_ms].reported == "complete"

    def begin(self, open_ms: int) -> None:
        """Mark a minute as due."""
        self._minutes.setdefault(open_ms, _Minute())

    def missing(self, open_ms: int) -> list[Series]:
        """Series whose bar of this minute has not arrived."""
        minute = self._minutes.get(open_ms)
        return [one for one in self.series if minute is None or one not in minute.came]

    def to_tell(self, first_ms: int, begun_ms: int, now_ms: int) -> list[tuple[int, int, int, bool]]:
        """Minutes whose state is to be recorded: (open, by WebSocket, by REST, complete); each state once.

        A minute is reported when it is completely stored, and once before that if it is incomplete a minute after its
        end and after `begun_ms`, when the reader started requesting.
        """
        found = []
        wanted = set(self.series)
        for open_ms, minute in sorted(self._minutes.items()):
            if open_ms < first_ms:
                continue
            stored = {one: how for one, how in minute.stored.items() if one in wanted}
            complete = len(stored) == len(wanted)
            is_late = now_ms >= max(open_ms + MINUTE_MS, begun_ms) + MINUTE_MS
            state = "complete" if complete else "late" if is_late else ""
            if state and minute.reported not in (state, "complete"):
                minute.reported = state
                socket = sum(how == SOCKET for how in stored.values())
                found.append((open_ms, socket, len(stored) - socket, complete))
        return found

    def prune(self, now_ms: int) -> None:
        """Forget minutes that are no longer needed."""
        for open_ms in [one for one in self._minutes if one < now_ms - KEPT_MINUTES * MINUTE_MS]:
            del self._minutes[open_ms]
