"""Live bars and quotes, and a replay of history with the same interface, so that a strategy runs unchanged on both.

Live rows are provisional: a bar may be corrected when REST delivers it. A backtest reads `Client.bars` or `replay`.
"""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, overload

import pyarrow as pa

from alphaforge_data import timeframes, times
from alphaforge_data.errors import BadRequest, NotReachable
from alphaforge_data.frame import Frame
from alphaforge_data.live_names import LiveNames
from alphaforge_data.names import Market, Names
from alphaforge_data.times import Time

if TYPE_CHECKING:
    from alphaforge_data.client import Client

_BARS = (
    "select instrument_id, timeframe, open_time, close_time, open, high, low, close, volume, quote_volume, "
    "trade_count, source, is_provisional, received_at "
    "from marts.v_bars_live where instrument_id in {instruments:Array(String)} "
    "and timeframe = {timeframe:String} and open_time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') "
    "and open_time < fromUnixTimestamp64Milli({end:Int64}, 'UTC') order by open_time, instrument_id"
)
_NEWEST = (
    "select maxOrNull(open_time) as newest from marts.v_bars_live "
    "where instrument_id in {instruments:Array(String)} and timeframe = {timeframe:String}"
)
_QUOTES = (
    "select * from marts.v_quotes_live where instrument_id in {instruments:Array(String)} "
    "and second >= toDateTime({start:Int64}, 'UTC') order by second, instrument_id"
)
_FAR = 9_000_000_000_000
Query = Callable[[str, Mapping[str, Any]], pa.Table]
# As far back as the view shows what is not published: a hole is filled within it, also while newer bars come.
_LATE = dt.timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Bar:
    """A closed bar. Prices in quote units, volume in base units, times in UTC.

    `is_provisional`: no snapshot has it yet, and it may be corrected; never set in a replay. `revised`: this bar was
    delivered before, with other values.
    """

    instrument_id: str
    timeframe: str
    open_time: dt.datetime
    close_time: dt.datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float | None
    trade_count: int | None
    source: str
    is_provisional: bool
    received_at: dt.datetime | None
    revised: bool = False

    @property
    def values(self) -> tuple[object, ...]:
        """The values in which two versions of a bar may differ."""
        return (self.open, self.high, self.low, self.close, self.volume, self.quote_volume, self.trade_count)


class Feed(Protocol):
    """A source of bars for a strategy: `client.live`, `client.aio.live`, or `replay(…)`."""

    @overload
    def follow(
        self,
        symbol: Names,
        timeframe: str = "1m",
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        start: Time | None = None,
    ) -> AsyncIterator[Bar]: ...

    @overload
    def follow(
        self,
        symbol: None = None,
        timeframe: str = "1m",
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        start: Time | None = None,
    ) -> AsyncIterator[Bar]: ...

    def follow(
        self,
        symbol: Names | None = None,
        timeframe: str = "1m",
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        start: Time | None = None,
    ) -> AsyncIterator[Bar]:
        """Closed bars, each once, in order of open_time and then instrument."""


class Live:
    """The live views of one warehouse. Every method raises BadRequest, NotReachable and QueryFailed.

    Names are spelt as for Client, and must be of an instrument that the newest snapshot or the live feed has.
    """

    def __init__(self, query: Query, names_: LiveNames):
        self._query, self._names = query, names_

    @overload
    def bars(
        self,
        symbol: Names,
        timeframe: str = "1m",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
    ) -> Frame: ...

    @overload
    def bars(
        self,
        symbol: None = None,
        timeframe: str = "1m",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
    ) -> Frame: ...

    def bars(
        self,
        symbol: Names | None = None,
        timeframe: str = "1m",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
    ) -> Frame:
        """Current closed bars with start <= open_time < end; without `start`, of the last hour that has any.

        Columns: those of a bar, `source` (rest, archive, gap or live), `is_provisional`, `received_at`. The frame names
        no snapshot: a later read may return other values. The live feed has 1m bars; those of other stored timeframes
        come with a snapshot only.
        """
        timeframes.length(timeframe)
        first, until = times.period(start, end)
        ids = self._names.ids(symbol, venue, market, instruments, timeframe)
        if first is None:
            newest = self._query(_NEWEST, {"instruments": ids, "timeframe": timeframe}).column("newest")[0].as_py()
            first = 0 if newest is None else _ms(newest) - 3_600_000
        table = self._query(_BARS, _parameters(ids, timeframe, first, _FAR if until is None else until))
        seen = set(table["instrument_id"].unique().to_pylist())
        self._names.require_bars((one for one in ids if one not in seen), timeframe)
        return Frame(table)

    @overload
    def quotes(
        self,
        symbol: Names,
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        seconds: int = 60,
    ) -> Frame: ...

    @overload
    def quotes(
        self,
        symbol: None = None,
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        seconds: int = 60,
    ) -> Frame: ...

    def quotes(
        self,
        symbol: Names | None = None,
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        seconds: int = 60,
    ) -> Frame:
        """Best bid and ask per second, of the last `seconds` (two hours are kept)."""
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= 7200:
            raise BadRequest(f"seconds is {seconds!r}; pass a whole number from 1 to 7200.")
        ids = self._names.ids(symbol, venue, market, instruments)
        return Frame(self._query(_QUOTES, {"instruments": ids, "start": int(time.time()) - seconds}))

    def minutes(self, last: int = 60) -> Frame:
        """Completeness of the last minutes by venue and market: a strategy waits for `complete_at`."""
        if isinstance(last, bool) or not isinstance(last, int) or not 0 < last <= 10_080:
            raise BadRequest(f"last is {last!r}; pass a whole number of minutes from 1 to 10080.")
        query = (
            "select * from marts.v_live_minutes where minute >= (select max(minute) from marts.v_live_minutes) "
            "- toIntervalMinute({last:UInt32}) order by minute, venue, market"
        )
        return Frame(self._query(query, {"last": last}))

    def gaps(self) -> Frame:
        """Periods of the last day without a connection, with their cause and when they were filled."""
        query = "select * from marts.v_live_gaps where noticed_at > now() - interval 1 day order by noticed_at"
        return Frame(self._query(query, {}))

    @overload
    def follow(
        self,
        symbol: Names,
        timeframe: str = "1m",
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        start: Time | None = None,
        every: float = 0.5,
    ) -> AsyncIterator[Bar]: ...

    @overload
    def follow(
        self,
        symbol: None = None,
        timeframe: str = "1m",
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        start: Time | None = None,
        every: float = 0.5,
    ) -> AsyncIterator[Bar]: ...

    async def follow(
        self,
        symbol: Names | None = None,
        timeframe: str = "1m",
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        start: Time | None = None,
        every: float = 0.5,
    ) -> AsyncIterator[Bar]:
        """Closed bars as they become visible, from `start` on, else from the next one; never ends by itself.

        The view is polled once per `every` seconds. A late bar is yielded when it arrives, a corrected one again with
        `revised` set; both are detected within two hours. If the warehouse does not answer, the query is repeated.
        """
        if isinstance(every, bool) or not isinstance(every, (int, float)) or not every > 0:
            raise BadRequest(f"every is {every!r}; pass seconds above 0.")
        step = timeframes.length(timeframe)
        first, _ = times.period(start, None)
        ids = await asyncio.to_thread(self._names.ids, symbol, venue, market, instruments, timeframe)
        given: dict[tuple[str, dt.datetime], Bar] = {}
        if first is None:
            newest = await self._with_retries(_NEWEST, {"instruments": ids, "timeframe": timeframe}, every)
            known = newest.column("newest")[0].as_py()
            first = 0 if known is None else _ms(known) + step
        while True:
            table = await self._with_retries(_BARS, _parameters(ids, timeframe, first, _FAR), every)
            for bar in _bars(table):
                before = given.get((bar.instrument_id, bar.open_time))
                if before is None or before.values != bar.values:
                    given[bar.instrument_id, bar.open_time] = bar
                    yield bar if before is None else Bar(**{**_fields(bar), "revised": True})
            if given:
                newest_open = max(opened for _, opened in given)
                first = max(first, _ms(newest_open - _LATE))
                given = {key: bar for key, bar in given.items() if _ms(key[1]) >= first}
            await asyncio.sleep(every)

    async def _with_retries(self, query: str, parameters: dict[str, Any], every: float) -> pa.Table:
        wait = every
        while True:
            try:
                return await asyncio.to_thread(self._query, query, parameters)
            except NotReachable:
                await asyncio.sleep(wait)
                wait = min(wait * 2, 15.0)


class Replay:
    """History of one snapshot through the interface of `Live`. Created by `replay`."""

    def __init__(self, client: "Client", snapshot_id: str | None, speed: float):
        if not speed > 0:
            raise BadRequest(
                f"speed is {speed!r}; pass how many seconds of the market a second takes, inf for no waiting."
            )
        self._client, self._snapshot_id, self._speed = client, snapshot_id, speed

    @overload
    def follow(
        self,
        symbol: Names,
        timeframe: str = "1m",
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> AsyncIterator[Bar]: ...

    @overload
    def follow(
        self,
        symbol: None = None,
        timeframe: str = "1m",
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        start: Time | None = None,
        end: Time | None = None,
    ) -> AsyncIterator[Bar]: ...

    async def follow(
        self,
        symbol: Names | None = None,
        timeframe: str = "1m",
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> AsyncIterator[Bar]:
        """Closed bars of the snapshot in order of open_time and then instrument; ends with the snapshot."""
        began: tuple[float, dt.datetime] | None = None
        request: dict[str, Any] = {"symbol": symbol, "venue": venue, "market": market, "instruments": instruments}
        request |= {"timeframe": timeframe, "start": start, "end": end, "snapshot_id": self._snapshot_id}
        request |= {"chunk": "day", "columns": "all"}
        frames = await asyncio.to_thread(lambda: iter(self._client.iter_bars(**request)))
        while (frame := await asyncio.to_thread(next, frames, None)) is not None:
            for bar in _bars(_by_time(frame.to_arrow())):
                if began is None:
                    began = time.monotonic(), bar.close_time
                due = began[0] + (bar.close_time - began[1]).total_seconds() / self._speed
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                yield bar


def replay(client: "Client", snapshot_id: str | None = None, *, speed: float = float("inf")) -> Replay:
    """Replay a snapshot as if it happened now.

    Parameters
    ----------
    snapshot_id : str, optional
        The snapshot; None: the pin of the client.
    speed : float
        Market seconds per second: 60 yields a one-minute bar every second, inf does not wait.

    Examples
    --------
    >>> async for bar in replay(client, "2025-q1", speed=60).follow("BTC/USDT", venue="binance"):   # doctest: +SKIP
    ...     strategy.on_bar(bar)
    """
    return Replay(client, snapshot_id, speed)


def _parameters(ids: Sequence[str], timeframe: str, first: int, until: int) -> dict[str, Any]:
    return {"instruments": list(ids), "timeframe": timeframe, "start": first, "end": until}


def _ms(moment: dt.datetime) -> int:
    return times.milliseconds("open_time", moment)


def _fields(bar: Bar) -> dict[str, Any]:
    return {name: getattr(bar, name) for name in Bar.__slots__}


def _by_time(table: pa.Table) -> pa.Table:
    """In order of open_time, then instrument. The reader's ids are dictionary encoded, which Arrow does not sort."""
    at = table.column_names.index("instrument_id")
    plain = table.set_column(at, "instrument_id", table.column("instrument_id").cast(pa.string()))
    return plain.sort_by([("open_time", "ascending"), ("instrument_id", "ascending")])


def _bars(table: pa.Table) -> Iterator[Bar]:
    present = [name for name in Bar.__slots__ if name in table.column_names]
    for row in table.select(present).to_pylist():
        yield Bar(**{"is_provisional": False, "received_at": row.get("ingested_at"), **row})
