"""The client: one method a view, each answer pinned to a snapshot that it names."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from alphaforge_data import address, arguments, views
from alphaforge_data.arguments import Time
from alphaforge_data.cache import Cache, default_folder
from alphaforge_data.catalog import Catalog
from alphaforge_data.holes import SCHEMA, Range, explained, holes
from alphaforge_data.series import filled, joined, of_instrument, sent
from alphaforge_data.snapshots import Snapshot
from alphaforge_data.transport import Transport
from alphaforge_data.views import EXTENT, EXTENT_COLUMNS, GAPS, View

Names = str | Sequence[str]


def connect(url: str | None = None, *, snapshot_id: str | None = None, cache: bool | str | Path = True) -> "Client":
    """A client of the warehouse at `url`, else of MDW_CLICKHOUSE_URL, else of the embedded one in MDW_HOME.

    `snapshot_id` is the pin of calls that name none; None means the newest snapshot at each call. `cache`:
    False for none, or another folder than MDW_CACHE or the user's cache folder.
    Raises BadRequest (URL, id), NotReachable, UnknownSnapshot.
    """
    pin = arguments.snapshot(snapshot_id)
    folder = default_folder() if cache is True else Path(cache) if cache else None
    client = Client(Transport(address.find(url)), pin, Cache(folder) if folder else None)
    if snapshot_id is not None:
        client.snapshot()
    return client


class Client:
    """Reads the canonical views. Made by `connect`; threads may share it.

    Every method validates its arguments first (BadRequest), takes times with a zone (start inclusive, end
    exclusive, UTC in the answer), and returns an Arrow table whose `snapshot_of(table)` is the snapshot read.
    `columns`: None for the usual ones, 'all', or names of the view's columns.
    """

    def __init__(self, transport: Transport, pin: str, cache: Cache | None):
        self._transport, self._pin, self._cache = transport, pin, cache
        self._catalog = Catalog(transport)

    def bars(
        self,
        symbol: Names | None = None,
        timeframe: str = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: str | None = None,
        market: str = "spot",
        instruments: Names | None = None,
        snapshot_id: str | None = None,
        columns: Names | None = None,
    ) -> pa.Table:
        """Closed bars with start <= open_time < end, series by series, oldest first.

        A bound that is left out is that of the pinned series: `bars("BTC/USDT", "1h", venue="binance")` is all of it.
        Prices in quote units, volume in base units; quote_volume and trade_count are null where the venue has none.
        """
        ids = arguments.instruments(symbol, instruments, venue, market)
        window = arguments.period(start, end, open_ended=True)
        constants = {"timeframe": arguments.timeframe(timeframe)}
        where = f"timeframe = {{timeframe:String}} and {_between('open_time')}"
        return self._series(views.BARS, ids, where, window, constants, snapshot_id, columns)

    def funding(
        self,
        symbol: Names | None = None,
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: str | None = None,
        instruments: Names | None = None,
        snapshot_id: str | None = None,
        columns: Names | None = None,
    ) -> pa.Table:
        """Funding that was paid, start <= funding_time < end: a fraction of position value, longs pay if > 0.

        A bound that is left out is that of the pinned series.
        """
        ids = arguments.perpetuals(arguments.instruments(symbol, instruments, venue, "perp"))
        window = arguments.period(start, end, open_ended=True)
        return self._series(views.FUNDING, ids, _between("funding_time"), window, {}, snapshot_id, columns)

    def instruments(
        self,
        *,
        venue: str | None = None,
        market: str | None = None,
        symbol: str | None = None,
        at: Time | None = None,
        history: bool = False,
        snapshot_id: str | None = None,
        columns: Names | None = None,
    ) -> pa.Table:
        """Instrument metadata: the newest state seen, the state `at` an instant, or every state (`history`)."""
        chosen = views.INSTRUMENTS.chosen(columns)
        parameters: dict[str, Any] = {
            name: value
            for name, value in (("venue", venue), ("market", market), ("symbol", symbol))
            if value is not None
        }
        where = [f"{name} = {{{name}:String}}" for name in parameters]
        if at is not None:
            parameters["at"] = arguments.milliseconds("at", at)
            instant = "fromUnixTimestamp64Milli({at:Int64}, 'UTC')"
            where.append(f"valid_from <= {instant} and (valid_to is null or valid_to > {instant})")
        elif not history:
            where.append("valid_to is null")
        snapshot = self.snapshot(snapshot_id)
        return self._table(views.INSTRUMENTS, chosen, " and ".join(where) or "true", parameters, {}, snapshot)

    def fear_greed(
        self,
        start: date | Time,
        end: date | Time,
        *,
        snapshot_id: str | None = None,
        columns: Names | None = None,
    ) -> pa.Table:
        """The daily Crypto Fear & Greed index, 0 (fear) to 100 (greed), start <= date < end."""
        chosen = views.FEAR_GREED.chosen(columns)
        first, last = arguments.days(start, end)
        where = "date >= {start:Date} and date < {end:Date}"
        snapshot = self.snapshot(snapshot_id)
        return self._table(views.FEAR_GREED, chosen, where, {"start": first, "end": last}, {}, snapshot)

    def gaps(
        self,
        symbol: Names | None = None,
        timeframe: str = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: str | None = None,
        market: str = "spot",
        instruments: Names | None = None,
        snapshot_id: str | None = None,
    ) -> pa.Table:
        """Every range of bars that the pinned snapshot lacks in [start, end), before a listing included.

        Columns: instrument_id, timeframe, gap_start (inclusive), gap_end (exclusive), missing_bars, class.
        Counted from the pinned bars themselves. `class` is the cause that was known at publication: not_fetched
        (nobody asked for it), venue_outage, no_trade, halted, before_listing, after_delisting or quarantined.
        """
        ids = arguments.instruments(symbol, instruments, venue, market)
        first, last = arguments.period(start, end)
        grid = (first, last, arguments.TIMEFRAMES[arguments.timeframe(timeframe)] // arguments.MILLISECOND)
        snapshot = self.snapshot(snapshot_id)
        found = []
        for one in ids:
            bars = self.bars(
                timeframe=timeframe,
                start=start,
                end=end,
                instruments=one,
                snapshot_id=snapshot.snapshot_id,
                columns="open_time",
            )
            found.append(self._explained(holes(bars["open_time"], grid), one, timeframe, grid[2], snapshot))
        return snapshot.stamp(pa.concat_tables(found))

    def extent(
        self,
        symbol: Names | None = None,
        timeframe: str = "1h",
        *,
        venue: str | None = None,
        market: str = "spot",
        instruments: Names | None = None,
        snapshot_id: str | None = None,
    ) -> pa.Table:
        """How far the pinned bars of each series reach, a row a series.

        Columns: instrument_id, timeframe, first_open_time, last_close_time (null without bars), bars.
        """
        ids = arguments.instruments(symbol, instruments, venue, market)
        snapshot = self.snapshot(snapshot_id)
        asked = {"timeframe": arguments.timeframe(timeframe)}
        rows = []
        for one in ids:
            bound = {**asked, "instrument_id": one, "snapshot_id": snapshot.snapshot_id}
            rows.append(filled(self._cached(EXTENT, bound, snapshot), EXTENT_COLUMNS, {**of_instrument(one), **asked}))
        return snapshot.stamp(joined(rows))

    def snapshots(self, limit: int = 100) -> pa.Table:
        """The newest published snapshots, newest first, with row counts and content hashes."""
        return self._catalog.list(limit)

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """The snapshot that a call with this id reads now; 'latest' becomes a concrete one here."""
        return self._catalog.get(self._pin if snapshot_id is None else arguments.snapshot(snapshot_id))

    def close(self) -> None:
        """Give the connection back; tables stay valid."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _series(
        self,
        view: View,
        ids: Sequence[str],
        where: str,
        window: tuple[int, int],
        constants: Mapping[str, Any],
        snapshot_id: str | None,
        columns: Names | None,
    ) -> pa.Table:
        chosen = view.chosen(columns)
        snapshot = self.snapshot(snapshot_id)
        parameters = {**constants, "start": window[0], "end": window[1]}
        where = f"instrument_id = {{instrument_id:String}} and {where}"
        tables = []
        for one in ids:
            asked = {**parameters, "instrument_id": one}
            table = self._table(view, chosen, where, asked, {**of_instrument(one), **constants}, snapshot)
            if not table.num_rows:
                self._catalog.demand(one, snapshot)
            tables.append(table)
        return snapshot.stamp(joined(tables))

    def _table(
        self,
        view: View,
        chosen: Sequence[str],
        where: str,
        parameters: Mapping[str, Any],
        constants: Mapping[str, Any],
        snapshot: Snapshot,
    ) -> pa.Table:
        # Only names of views.py and the fixed conditions above are ever part of the text.
        query = (
            f"select {', '.join(sent(view, chosen))} from marts.{view.name}(snapshot_id = {{snapshot_id:String}}) "  # noqa: S608
            f"where {where} order by {', '.join(view.order)}"
        )
        bound = {**parameters, "snapshot_id": snapshot.snapshot_id}
        answer = self._cached(query, bound, snapshot)
        pinned = {"snapshot_id": snapshot.snapshot_id, "data_version": snapshot.data_version}
        return snapshot.stamp(filled(answer, chosen, {**constants, **pinned}))

    def _explained(
        self, missing: list[Range], instrument: str, timeframe: str, step: int, snapshot: Snapshot
    ) -> pa.Table:
        bound = {"snapshot_id": snapshot.snapshot_id, "instrument_id": instrument, "timeframe": timeframe}
        causes = self._cached(GAPS, bound, snapshot) if missing else SCHEMA.empty_table()
        return explained(missing, causes, instrument, timeframe, step)

    def _cached(self, query: str, parameters: Mapping[str, Any], snapshot: Snapshot) -> pa.Table:
        if self._cache is None:
            return self._transport.read(query, parameters)
        server = self._transport.address
        key = {
            "server": f"{server} {server.user}",
            "snapshot": snapshot.identity,
            "query": query,
            "parameters": dict(parameters),
        }
        return self._cache.get(key, lambda: self._transport.read(query, parameters))


def _between(column: str) -> str:
    return (
        f"{column} >= fromUnixTimestamp64Milli({{start:Int64}}, 'UTC') "
        f"and {column} < fromUnixTimestamp64Milli({{end:Int64}}, 'UTC')"
    )
