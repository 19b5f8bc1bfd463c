"""The client: one method per view; every result is pinned to a snapshot and names it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial as bound
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypedDict, Unpack, overload

import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import address, arrow, differences, joins, names, overview, timeframes, times, views
from alphaforge_data.bars import BarReader, BarsRequest, side_by_side
from alphaforge_data.cache import CacheInfo, Store, default_folder, expanded
from alphaforge_data.catalog import LATEST
from alphaforge_data.chunks import Chunk, chunks
from alphaforge_data.errors import BadRequest
from alphaforge_data.frame import Frame, Gaps, Partial
from alphaforge_data.live import Live
from alphaforge_data.live_names import LiveNames
from alphaforge_data.names import Market, Names
from alphaforge_data.reading import Reader, finished
from alphaforge_data.snapshots import Snapshot, checked_id
from alphaforge_data.timeframes import Timeframe
from alphaforge_data.times import Time
from alphaforge_data.transport import Transport
from alphaforge_data.views import BarColumn, FearGreedColumn, FundingColumn, InstrumentColumn

if TYPE_CHECKING:
    from alphaforge_data.aio import AsyncClient

Dataset: TypeAlias = Literal["bars", "funding", "instruments", "fear_greed"]
_PAYMENT: tuple[FundingColumn, ...] = ("funding_time", "funding_rate", "interval_hours")
_PAYMENT_TYPES: Mapping[str, pa.DataType] = dict(
    zip(_PAYMENT, (pa.timestamp("ms", "UTC"), pa.float64(), pa.int64()), strict=True)
)
_LIMITS = (*views.LIMITS, "status")


# Options of the methods that name series by symbol and venue or by instruments, for type checkers: exactly one of both.
class PanelOptions(TypedDict, total=False):
    """Options of Client.panel."""

    partial: Partial
    snapshot_id: str | None


class BarsOptions(PanelOptions, total=False):
    """Options of Client.bars."""

    columns: BarColumn | Iterable[BarColumn] | Literal["all"] | None
    gaps: Gaps


class PiecesOptions(BarsOptions, total=False):
    """Options of Client.iter_bars."""

    chunk: Chunk


class FundingOptions(TypedDict, total=False):
    """Options of Client.funding."""

    columns: FundingColumn | Iterable[FundingColumn] | Literal["all"] | None
    snapshot_id: str | None


@overload
def connect(
    url: str | None = None,
    *,
    snapshot_id: str | None = None,
    as_of: None = None,
    cache: bool | str | Path = True,
    offline: Literal[False] = False,
) -> "Client": ...


@overload
def connect(
    url: str | None = None,
    *,
    snapshot_id: None = None,
    as_of: Time,
    cache: bool | str | Path = True,
    offline: Literal[False] = False,
) -> "Client": ...


@overload
def connect(
    url: str | None = None,
    *,
    snapshot_id: str,
    as_of: None = None,
    cache: Literal[True] | str | Path = True,
    offline: bool = False,
) -> "Client": ...


def connect(
    url: str | None = None,
    *,
    snapshot_id: str | None = None,
    as_of: Time | None = None,
    cache: bool | str | Path = True,
    offline: bool = False,
) -> "Client":
    """Connect to the warehouse at `url`, else at MDW_CLICKHOUSE_URL, else to the embedded one of MDW_HOME.

    Parameters
    ----------
    url : str, optional
        Such as `https://user:password@host:8443`.
    snapshot_id : str, optional
        The pin of calls that do not name a snapshot. None: the newest snapshot at each call.
    as_of : time, optional
        Pin the newest snapshot published at or before this time, instead of naming one.
    cache : bool, str or Path
        False for no cache, or a folder to use instead of MDW_CACHE or the user's cache folder.
    offline : bool
        Use no server: read only what the cache has of `snapshot_id`.

    Raises
    ------
    BadRequest
        For arguments that exclude each other.
    NotReachable
        If no warehouse answers, or it refuses the user.
    UnknownSnapshot, NotCached
        For a pin that is not published; when offline, for one that is not in the cache.

    Examples
    --------
    >>> client = connect(snapshot_id="2025-q1")                                              # doctest: +SKIP
    >>> client.bars("BTC/USDT", "4h", "2025-01-01", "2025-02-01", venue="binance").to_pandas()   # doctest: +SKIP
    """
    if snapshot_id is not None and as_of is not None:
        raise BadRequest("Pass snapshot_id or as_of, not both: each of them pins a snapshot.")
    pin = LATEST if snapshot_id is None else checked_id(snapshot_id)
    folder = _folder(cache)
    if offline and (pin == LATEST or folder is None):
        raise BadRequest("offline=True reads a pin from the cache: pass snapshot_id, and leave the cache on.")
    return _connected(url, pin, as_of, folder, offline)


def _connected(url: str | None, pin: str, as_of: Time | None, folder: Path | None, offline: bool) -> "Client":
    transport = None if offline else Transport(address.find(url))
    reader = Reader(transport, Store(folder) if folder else None, address.place(url))
    client = Client(reader, pin, {"url": url, "cache": folder or False, "offline": offline})
    if as_of is not None:
        client._pin = reader.catalog.as_of(as_of).snapshot_id
    elif pin != LATEST:
        client.snapshot()
    return client


class Client:
    """Reads the canonical views. Created by `connect`; safe to share between threads, and can be pickled.

    Methods accept times in UTC (dates, text, datetimes with a time zone, numpy and pandas times), start inclusive and
    end exclusive, and return a Frame that names its snapshot. `snapshot_id`: a snapshot other than the client's pin.
    `columns`: None for the default ones, 'all', or names of the view's columns. Instruments are named by `symbol`
    and `venue` (one or several each) or by `instruments`, ids such as 'binance:spot:BTC/USDT'.

    Every method raises BadRequest for invalid arguments, UnknownSnapshot, SnapshotChanged, ShortAnswer,
    NotReachable and QueryFailed.
    """

    def __init__(self, reader: Reader, pin: str, origin: Mapping[str, Any]):
        self._reader, self._pin, self._origin = reader, pin, dict(origin)
        self._bars = BarReader(reader)
        self._live = Live(reader.query, LiveNames(reader.query, reader.catalog))

    @property
    def live(self) -> Live:
        """Bars and quotes as of now, which no snapshot pins: they may be corrected."""
        return self._live

    @property
    def aio(self) -> "AsyncClient":
        """This client for asyncio."""
        from alphaforge_data.aio import AsyncClient

        return AsyncClient(self)

    # Bars

    @overload
    def bars(
        self,
        symbol: Names,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        **options: Unpack[BarsOptions],
    ) -> Frame: ...

    @overload
    def bars(
        self,
        symbol: None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        **options: Unpack[BarsOptions],
    ) -> Frame: ...

    def bars(
        self,
        symbol: Names | None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        columns: BarColumn | Iterable[BarColumn] | Literal["all"] | None = None,
        gaps: Gaps = "keep",
        partial: Partial = "drop",
        snapshot_id: str | None = None,
    ) -> Frame:
        """Closed bars with start <= open_time < end, series by series, oldest first.

        Parameters
        ----------
        symbol, venue, market, instruments
            The series; see Client.
        timeframe : str
            A stored timeframe, or a multiple of one up to '1w', resampled in the database from the shortest stored
            one that divides it. Periods are counted from 1970-01-01 UTC, weeks from a Monday.
        start, end : time, optional
            Inclusive and exclusive. None: the whole series.
        columns : str or list of str, optional
            None for the default ones, or 'all'.
        gaps : {'keep', 'raise', 'null', 'ffill'}
            Missing bars are left out and listed in `Frame.holes`; or raise MissingBars; or become rows of nulls; or
            rows with the last close as prices and null volumes. The last two add a column `is_filled`.
        partial : {'drop', 'keep', 'raise'}
            How to treat a resampled bar if some of its stored bars are missing; `source_bars` and
            `expected_bars` show how many.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            Prices in quote units, volume in base units; quote_volume and trade_count are null if the venue has
            none.

        Raises
        ------
        BadRequest
            Also for a window that does not overlap a series in the snapshot.
        MissingBars
            With `gaps='raise'` or `partial='raise'`; names the ranges and their classes.

        Examples
        --------
        >>> client.bars("BTC/USDT", "4h", "2025-06-20", "2025-07-01", venue="okx").to_pandas()   # doctest: +SKIP
        """
        _allowed("gaps", gaps, ("keep", "raise", "null", "ffill"))
        _allowed("partial", partial, ("drop", "keep", "raise"))
        request = self._request(symbol, instruments, venue, market, timeframe, start, end, snapshot_id)
        return self._frame(request, self._bars.view(request).chosen(columns), gaps, partial)

    @overload
    def panel(
        self,
        column: BarColumn,
        symbol: Names,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        **options: Unpack[PanelOptions],
    ) -> Frame: ...

    @overload
    def panel(
        self,
        column: BarColumn,
        symbol: None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        **options: Unpack[PanelOptions],
    ) -> Frame: ...

    def panel(
        self,
        column: BarColumn,
        symbol: Names | None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        partial: Partial = "drop",
        snapshot_id: str | None = None,
    ) -> Frame:
        """One column of the bars of several instruments side by side, on the full time grid.

        Parameters
        ----------
        column : str
            Such as 'close'.
        symbol, venue, market, instruments
            The series; see Client.
        timeframe : str
            A stored timeframe, or a multiple of one up to '1w', resampled in the database from the shortest stored
            one that divides it. Periods are counted from 1970-01-01 UTC, weeks from a Monday.
        start, end : time, optional
            Inclusive and exclusive. None: the grid spans all series.
        partial : {'drop', 'keep', 'raise'}
            How to treat a resampled bar if some of its stored bars are missing; `source_bars` and
            `expected_bars` show how many.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            `open_time`, then one column per instrument, named by its id; null where a bar is missing.

        Raises
        ------
        BadRequest
            Also for a window that does not overlap a series in the snapshot.
        MissingBars
            With `partial='raise'`.
        """
        _allowed("partial", partial, ("drop", "keep", "raise"))
        request = self._request(symbol, instruments, venue, market, timeframe, start, end, snapshot_id)
        chosen = self._bars.view(request).one(column)
        table = self._bars.read(request, list(dict.fromkeys(["instrument_id", "open_time", chosen])), "keep", partial)
        reach = [self._bars.bounds(request, one) for one in request.instruments]
        window = min(first for first, _ in reach), max(last for _, last in reach)
        wide = side_by_side(table, chosen, window, timeframes.length(timeframe), request.instruments)
        return Frame(request.snapshot.stamp(wide), lambda: self._bars.gaps(request))

    @overload
    def iter_bars(
        self,
        symbol: Names,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        **options: Unpack[PiecesOptions],
    ) -> Iterator[Frame]: ...

    @overload
    def iter_bars(
        self,
        symbol: None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        **options: Unpack[PiecesOptions],
    ) -> Iterator[Frame]: ...

    def iter_bars(
        self,
        symbol: Names | None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        chunk: Chunk = "month",
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        columns: BarColumn | Iterable[BarColumn] | Literal["all"] | None = None,
        gaps: Gaps = "keep",
        partial: Partial = "drop",
        snapshot_id: str | None = None,
    ) -> Iterator[Frame]:
        """The same bars in chunks of time, oldest first, each with all series: memory use stays constant.

        All chunks are of one snapshot, even if a newer one is published meanwhile. Invalid arguments raise at the
        call, not at the first chunk.

        Parameters
        ----------
        symbol, venue, market, instruments
            The series; see Client.
        timeframe : str
            A stored timeframe, or a multiple of one up to '1w', resampled in the database from the shortest stored
            one that divides it. Periods are counted from 1970-01-01 UTC, weeks from a Monday.
        start, end : time, optional
            Inclusive and exclusive. None: the whole series.
        chunk : {'day', 'week', 'month', 'year'}
            Calendar periods in UTC.
        columns : str or list of str, optional
            None for the default ones, or 'all'.
        gaps : {'keep', 'raise', 'null', 'ffill'}
            Missing bars are left out and listed in `Frame.holes`; or raise MissingBars; or become rows of nulls; or
            rows with the last close as prices and null volumes. The last two add a column `is_filled`.
        partial : {'drop', 'keep', 'raise'}
            How to treat a resampled bar if some of its stored bars are missing; `source_bars` and
            `expected_bars` show how many.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        iterator of Frame
            A chunk without any bar is left out, unless `gaps` fills it.

        Raises
        ------
        BadRequest
            Also for a window that does not overlap a series in the snapshot.
        MissingBars
            With `gaps='raise'` or `partial='raise'`, at the first chunk with a missing bar.
        """
        _allowed("chunk", chunk, ("day", "week", "month", "year"))
        _allowed("gaps", gaps, ("keep", "raise", "null", "ffill"))
        _allowed("partial", partial, ("drop", "keep", "raise"))
        request = self._request(symbol, instruments, venue, market, timeframe, start, end, snapshot_id)
        chosen = self._bars.view(request).chosen(columns)
        self._bars.require_overlap(request)
        return self._pieces(request, chosen, chunk, gaps, partial)

    @overload
    def gaps(
        self,
        symbol: Names,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        snapshot_id: str | None = None,
    ) -> Frame: ...

    @overload
    def gaps(
        self,
        symbol: None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        snapshot_id: str | None = None,
    ) -> Frame: ...

    def gaps(
        self,
        symbol: Names | None = None,
        timeframe: Timeframe = "1h",
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        snapshot_id: str | None = None,
    ) -> Frame:
        """Every range of stored bars that is missing in [start, end), including time before a listing.

        Parameters
        ----------
        symbol, venue, market, instruments
            The series; see Client.
        timeframe : str
            For a resampled one: the missing bars of the stored one.
        start, end : time, optional
            Inclusive and exclusive; both together may reach beyond the series. None: the whole series.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            instrument_id, timeframe, gap_start (inclusive), gap_end (exclusive), missing_bars, class.

        Notes
        -----
        Counted from the pinned bars themselves. `class` is the cause that was known at publication: not_fetched
        (never requested), venue_outage, no_trade, halted, before_listing, after_delisting or quarantined.
        """
        request = self._request(symbol, instruments, venue, market, timeframe, start, end, snapshot_id)
        if None in request.window:
            self._bars.require_overlap(request)
        return Frame(request.snapshot.stamp(self._bars.gaps(request)))

    @overload
    def extent(
        self,
        symbol: Names,
        timeframe: Timeframe = "1h",
        *,
        venue: Names,
        market: Market = "spot",
        instruments: None = None,
        snapshot_id: str | None = None,
    ) -> Frame: ...

    @overload
    def extent(
        self,
        symbol: None = None,
        timeframe: Timeframe = "1h",
        *,
        venue: None = None,
        market: Market = "spot",
        instruments: Names,
        snapshot_id: str | None = None,
    ) -> Frame: ...

    def extent(
        self,
        symbol: Names | None = None,
        timeframe: Timeframe = "1h",
        *,
        venue: Names | None = None,
        market: Market = "spot",
        instruments: Names | None = None,
        snapshot_id: str | None = None,
    ) -> Frame:
        """The range of stored bars of each series, one row per series.

        Parameters
        ----------
        symbol, venue, market, instruments
            The series; see Client.
        timeframe : str
            A stored timeframe.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            instrument_id, timeframe, first_open_time, last_close_time (null for an instrument without any bars), bars.

        Raises
        ------
        BadRequest
            Also for a timeframe that is not stored for an instrument that has bars.
        """
        timeframes.length(timeframe)
        snapshot, ids = self._chosen(symbol, instruments, venue, market, snapshot_id)
        names.require_market(ids, market)
        rows = [(one, timeframe, *self._bars.held(snapshot, one, timeframe)) for one in ids]
        return Frame(snapshot.stamp(overview.extents_table(rows)))

    # Other datasets

    @overload
    def funding(
        self,
        symbol: Names,
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names,
        instruments: None = None,
        **options: Unpack[FundingOptions],
    ) -> Frame: ...

    @overload
    def funding(
        self,
        symbol: None = None,
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: None = None,
        instruments: Names,
        **options: Unpack[FundingOptions],
    ) -> Frame: ...

    def funding(
        self,
        symbol: Names | None = None,
        start: Time | None = None,
        end: Time | None = None,
        *,
        venue: Names | None = None,
        instruments: Names | None = None,
        columns: FundingColumn | Iterable[FundingColumn] | Literal["all"] | None = None,
        snapshot_id: str | None = None,
    ) -> Frame:
        """Paid funding with start <= funding_time < end.

        Parameters
        ----------
        symbol, venue, instruments
            The perpetuals; see Client.
        start, end : time, optional
            Inclusive and exclusive. None: the whole series.
        columns : str or list of str, optional
            None for the default ones, or 'all'.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            `funding_rate` is a fraction of the position's value, longs pay if it is positive; `funding_time` is rounded
            to the minute; `interval_hours` is the period that was paid for, null if unknown.
        """
        chosen = views.FUNDING.chosen(columns)
        window = times.period(start, end)
        snapshot, ids = self._chosen(symbol, instruments, venue, "perp", snapshot_id)
        perpetuals = names.perpetuals(ids)
        manifest = self._reader.catalog.manifest(snapshot)
        for one in perpetuals:
            if not manifest.rows("funding", one):
                held = ", ".join(name for _, name, _ in manifest.series("funding")) or "nothing"
                raise BadRequest(
                    f"Snapshot {snapshot.snapshot_id!r} has no funding of {one!r}; it has funding of: {held}."
                )
        read = self._reader.series(views.FUNDING, snapshot, perpetuals, "", window, chosen)
        for one in perpetuals:
            if not read[one].num_rows:
                overview.require_overlap(self._reader, snapshot, one, window)
        tables = [finished(views.FUNDING, read[one], chosen, snapshot, one, "") for one in perpetuals]
        return Frame(snapshot.stamp(arrow.joined(tables)))

    def instruments(
        self,
        *,
        venue: Names | None = None,
        market: Market | None = None,
        symbol: Names | None = None,
        instruments: Names | None = None,
        at: Time | None = None,
        history: bool = False,
        columns: InstrumentColumn | Iterable[InstrumentColumn] | Literal["all"] | None = None,
        snapshot_id: str | None = None,
    ) -> Frame:
        """Instrument metadata: the newest known state, the state `at` a time, or every state (`history`).

        Parameters
        ----------
        venue, market, symbol
            Filters, in any combination.
        instruments : str or list of str, optional
            Ids, instead of these filters.
        at : time, optional
            Return the state that was valid at this time.
        history : bool
            Return every state, with its validity: valid_from inclusive, valid_to exclusive.
        columns : str or list of str, optional
            None for the default ones, or 'all'.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            `lot_size` and `min_qty` are in the unit that the venue trades in: base units, or contracts of
            `contract_size` base units on OKX perpetuals. `lot_size_base` and `min_qty_base` are in base units, as
            volumes are, at every venue.

        Raises
        ------
        BadRequest
            Also for a time before the first known state of a named instrument.
        """
        chosen = views.INSTRUMENTS.chosen(columns)
        if at is not None and history:
            raise BadRequest("Pass at or history, not both: the state at a time, or every state.")
        instant = None if at is None else times.milliseconds("at", at)
        snapshot = self.snapshot(snapshot_id)
        table = self._reader.whole(views.INSTRUMENTS, snapshot)
        overview.require_rows(table, snapshot, "no instruments")
        known = self._reader.catalog.manifest(snapshot).instruments
        table = overview.of_names(table, known, venue, market, symbol, instruments)
        if instant is not None:
            table = overview.states_at(table, instant, snapshot, every=symbol is not None or instruments is not None)
        elif not history:
            table = table.filter(pc.is_null(table["valid_to"]))
        return self._whole(table, chosen, snapshot)

    def fear_greed(
        self,
        start: Time | None = None,
        end: Time | None = None,
        *,
        columns: FearGreedColumn | Iterable[FearGreedColumn] | Literal["all"] | None = None,
        snapshot_id: str | None = None,
    ) -> Frame:
        """The daily Crypto Fear & Greed index, 0 (fear) to 100 (greed), start <= date < end.

        Parameters
        ----------
        start, end : date, optional
            Inclusive and exclusive.
        columns : str or list of str, optional
            None for the default ones, or 'all'.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            date, value, classification.

        Raises
        ------
        BadRequest
            Also if the snapshot has no index, or none of these days.
        """
        chosen = views.FEAR_GREED.chosen(columns)
        first, last = times.days(start, end)
        snapshot = self.snapshot(snapshot_id)
        table = self._reader.whole(views.FEAR_GREED, snapshot)
        overview.require_rows(table, snapshot, "no Fear & Greed index")
        return self._whole(overview.in_days(table, "date", (first, last), snapshot), chosen, snapshot)

    def condition(
        self,
        dataset: Literal["bars", "funding", "fear_greed"] | None = None,
        start: Time | None = None,
        end: Time | None = None,
        *,
        instruments: Names | None = None,
        snapshot_id: str | None = None,
    ) -> Frame:
        """Which days a backtest may rely on: one row per dataset, instrument, timeframe and day (v_dataset_condition).

        Parameters
        ----------
        dataset : {'bars', 'funding', 'fear_greed'}, optional
            None: all of them.
        start, end : date, optional
            Inclusive and exclusive.
        instruments : str or list of str, optional
            Ids.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            dataset, instrument_id, timeframe, day, condition (available, degraded, missing or pending), found_rows,
            expected_rows, reason, changed_at.

        Raises
        ------
        BadRequest
            Also for a dataset, an instrument or days of which the snapshot has no rows.
        """
        if dataset is not None:
            _allowed("dataset", dataset, ("bars", "funding", "fear_greed"))
        _require_no_instruments(dataset, instruments)
        window = times.days(start, end)
        snapshot = self.snapshot(snapshot_id)
        ids = None
        if instruments is not None:
            known = self._reader.catalog.manifest(snapshot).instruments
            ids = known.chosen(None, instruments, None, "spot")
        return Frame(snapshot.stamp(overview.condition(self._reader, snapshot, dataset, window, ids)))

    # What there is

    def series(self, dataset: Dataset | None = None, *, snapshot_id: str | None = None) -> Frame:
        """The series of the snapshot, one row per series.

        Parameters
        ----------
        dataset : {'bars', 'funding', 'instruments', 'fear_greed'}, optional
            None: all of them.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame
            dataset, instrument_id, timeframe, first and last (time of the first and last row), rows, and for bars
            missing_bars and a column `missing_<class>` for each class of gaps.
        """
        snapshot = self.snapshot(snapshot_id)
        return Frame(snapshot.stamp(overview.series(self._reader, snapshot, dataset)))

    def snapshots(self, limit: int | None = None) -> pa.Table:
        """Published snapshots, newest first, with row counts and content hashes.

        Parameters
        ----------
        limit : int, optional
            Maximum number of snapshots.

        Returns
        -------
        pyarrow.Table
            Columns of v_snapshots.
        """
        return self._reader.catalog.list(limit)

    def snapshot(self, snapshot_id: str | None = None, *, as_of: Time | None = None) -> Snapshot:
        """The snapshot with this id, the newest one published by `as_of`, or the one that calls without an id read.

        Parameters
        ----------
        snapshot_id : str, optional
            None: the one that calls without an id read.
        as_of : time, optional
            The newest one published at or before this time.

        Returns
        -------
        Snapshot
        """
        if as_of is not None:
            if snapshot_id is not None:
                raise BadRequest("Pass snapshot_id or as_of, not both.")
            return self._reader.catalog.as_of(as_of)
        return self._reader.snapshot(self._pin if snapshot_id is None else checked_id(snapshot_id))

    def diff(
        self,
        before: str,
        after: str,
        *,
        dataset: Dataset = "bars",
        instruments: Names | None = None,
    ) -> Frame:
        """Changes from one snapshot to another: one row per added row, removed row and revised value.

        Only months whose published hashes differ are read.

        Parameters
        ----------
        before, after : str
            Ids of snapshots.
        dataset : {'bars', 'funding', 'instruments', 'fear_greed'}
            What to compare.
        instruments : str or list of str, optional
            Only these ids.

        Returns
        -------
        Frame
            dataset, instrument_id, timeframe, time, change ('added', 'removed', 'revised'), and for revisions column,
            before and after. The frame names the snapshot `after`.
        """
        _require_no_instruments(dataset, instruments)
        first, second = self.snapshot(checked_id(before)), self.snapshot(checked_id(after))
        table = differences.between(self._reader, first, second, dataset, instruments)
        return Frame(second.stamp(table))

    def sql(
        self, query: str, parameters: Mapping[str, Any] | None = None, *, snapshot_id: str | None = None
    ) -> Frame | pa.Table:
        """The result of any query that your user may run; `{snapshot_id:String}` is bound to the pin.

        A query that uses the pin returns a Frame that names it, any other an Arrow table.

        Parameters
        ----------
        query : str
            Without a FORMAT clause.
        parameters : mapping, optional
            Values bound to `{name:Type}`.
        snapshot_id : str, optional
            A snapshot other than the client's pin.

        Returns
        -------
        Frame or pyarrow.Table
            A Frame if the query uses the pin.

        Examples
        --------
        >>> client.sql("select count() from marts.v_bars_at(snapshot_id = {snapshot_id:String})")   # doctest: +SKIP
        """
        if not isinstance(query, str) or not query.strip():
            raise BadRequest(f"query is {query!r}; pass the text of a SQL query.")
        if parameters is not None and not isinstance(parameters, Mapping):
            raise BadRequest(
                f"parameters is {parameters!r}, a {type(parameters).__name__}; pass a dict of names and values."
            )
        if any(not isinstance(name, str) for name in parameters or {}):
            raise BadRequest(f"parameters is {parameters!r}; the names of parameters are strings.")
        if "snapshot_id" in (parameters or {}):
            raise BadRequest("parameters names snapshot_id, which is the pin: pass snapshot_id= to read another one.")
        if "{snapshot_id:" not in "".join(query.split()):
            return self._reader.query(query, parameters or {})
        snapshot = self.snapshot(snapshot_id)
        table = self._reader.query(query, {**(parameters or {}), "snapshot_id": snapshot.snapshot_id})
        self._reader.catalog.confirm(snapshot)
        return Frame(snapshot.stamp(table))

    # Joins

    def with_funding(self, bars: Frame) -> Frame:
        """The bars, each with the last funding paid by its close.

        Parameters
        ----------
        bars : Frame
            With the columns instrument_id and close_time. Bars of a spot market get the funding of the same venue's
            perpetual.

        Returns
        -------
        Frame
            The bars with funding_time, funding_rate and interval_hours; null before the first payment.

        Raises
        ------
        BadRequest
            For instruments without funding, and for bars that already have these columns.
        """
        table, snapshot, ids = self._of_bars(bars, _PAYMENT)
        payers = {one: one.replace(":spot:", ":perp:", 1) for one in ids}
        others: dict[str, pa.Table] = {}
        if payers:
            paid = self.funding(
                instruments=list(dict.fromkeys(payers.values())),
                columns=("instrument_id", *_PAYMENT),
                snapshot_id=snapshot.snapshot_id,
            )
            _require_same(snapshot, paid.snapshot)
            of_payer = paid["instrument_id"].cast(pa.string())
            others = {one: paid.to_arrow().filter(pc.equal(of_payer, payer)) for one, payer in payers.items()}
        return Frame(snapshot.stamp(joins.as_of(table, others, "funding_time", _PAYMENT, _PAYMENT_TYPES)))

    def with_instruments(self, bars: Frame) -> Frame:
        """The bars, each with the instrument's limits and status as known at its close.

        Null before the instrument's first known state: later knowledge is not filled in.

        Parameters
        ----------
        bars : Frame
            With the columns instrument_id and close_time.

        Returns
        -------
        Frame
            The bars with the size columns and the status of `instruments`.
        """
        table, snapshot, ids = self._of_bars(bars, _LIMITS)
        held = self.snapshot(snapshot.snapshot_id)
        _require_same(snapshot, held)
        states = self._reader.whole(views.INSTRUMENTS, held)
        of_state = states["instrument_id"].cast(pa.string())
        others = {one: states.filter(pc.equal(of_state, one)) for one in ids}
        types = {name: states.schema.field(name).type for name in _LIMITS}
        return Frame(snapshot.stamp(joins.as_of(table, others, "valid_from", _LIMITS, types)))

    # Cache and connection

    def cache_info(self) -> CacheInfo:
        """Folder, number of files, bytes, limit, and this client's hits and misses."""
        return self._store().info()

    def cache_verify(self) -> list[Path]:
        """Check every cached file against its checksum; deletes damaged ones and returns them."""
        return self._store().verify()

    def cache_clear(self) -> int:
        """Delete every cached file; returns their number. Frames that were read stay valid."""
        return self._store().clear()

    def close(self) -> None:
        """Close the connection; frames stay valid."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self._reader.place}, snapshot {self._pin!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._origin, self._pin)

    def _frame(self, request: BarsRequest, columns: Sequence[str], missing: Gaps, partial: Partial) -> Frame:
        table = self._bars.read(request, columns, missing, partial)
        return Frame(request.snapshot.stamp(table), lambda: self._bars.gaps(request))

    def _pieces(
        self, request: BarsRequest, columns: Sequence[str], chunk: Chunk, missing: Gaps, partial: Partial
    ) -> Iterator[Frame]:
        reach = {one: self._bars.bounds(request, one) for one in request.instruments}
        starts, ends = zip(*reach.values(), strict=True)
        closes: dict[str, float | None] = {}
        for first, last in chunks(min(starts), max(ends), chunk):
            # Each series within its own bounds, in the order of the request.
            windows = ((max(first, reach[one][0]), min(last, reach[one][1]), one) for one in request.instruments)
            there = [(begin, stop, one) for begin, stop, one in windows if begin < stop]
            parts = [
                replace(request, instruments=tuple(one for *_, one in group), window=window)
                for window, group in groupby(there, key=itemgetter(0, 1))
            ]
            tables = [self._bars.read(part, columns, missing, partial, closes) for part in parts]
            if any(table.num_rows for table in tables):
                yield Frame(request.snapshot.stamp(arrow.joined(tables)), bound(self._holes, parts))

    def _holes(self, parts: Sequence[BarsRequest]) -> pa.Table:
        return pa.concat_tables(self._bars.gaps(part) for part in parts)

    def _request(
        self,
        symbol: Names | None,
        instruments: Names | None,
        venue: Names | None,
        market: str,
        timeframe: str,
        start: Time | None,
        end: Time | None,
        snapshot_id: str | None,
    ) -> BarsRequest:
        timeframes.length(timeframe)
        window = times.period(start, end)
        snapshot, ids = self._chosen(symbol, instruments, venue, market, snapshot_id)
        names.require_market(ids, market)
        return BarsRequest(snapshot, tuple(ids), timeframe, window)

    def _chosen(
        self,
        symbol: Names | None,
        instruments: Names | None,
        venue: Names | None,
        market: str,
        snapshot_id: str | None,
    ) -> tuple[Snapshot, list[str]]:
        symbol, instruments, venue = names.listed(symbol), names.listed(instruments), names.listed(venue)
        names.check_arguments(symbol, instruments, venue, market)
        snapshot = self.snapshot(snapshot_id)
        known = self._reader.catalog.manifest(snapshot).instruments
        return snapshot, known.chosen(symbol, instruments, venue, market)

    def _of_bars(self, bars: Frame, added: Sequence[str]) -> tuple[pa.Table, Snapshot, list[str]]:
        """The table, snapshot and instruments of bars to join with."""
        if not isinstance(bars, Frame):
            raise BadRequest(f"bars is a {type(bars).__name__}; pass a Frame, as Client.bars returns it.")
        table = bars.to_arrow()
        joins.require_bars(table, added)
        return table, bars.snapshot, table["instrument_id"].unique().cast(pa.string()).to_pylist()

    def _whole(self, table: pa.Table, chosen: Sequence[str], snapshot: Snapshot) -> Frame:
        pinned = dict(zip(views.PINNED, (snapshot.snapshot_id, snapshot.data_version), strict=True))
        return Frame(snapshot.stamp(arrow.filled(table.combine_chunks(), chosen, pinned)))

    def _store(self) -> Store:
        if self._reader.store is None:
            raise BadRequest("This client has no cache: connect with cache=True or a folder.")
        return self._reader.store


def _folder(cache: bool | str | Path) -> Path | None:
    if isinstance(cache, bool):
        return default_folder() if cache else None
    if not isinstance(cache, (str, os.PathLike)) or not str(cache):
        raise BadRequest(f"cache is {cache!r}; pass True, False, or a folder.")
    folder = expanded(Path(cache))
    if folder.exists() and not folder.is_dir():
        raise BadRequest(f"cache is {cache!r}, which is not a folder; pass True, False, or a folder.")
    return folder


def _again(origin: Mapping[str, Any], snapshot_id: str) -> Client:
    """Unpickle a client; it connects again, with the environment of this process."""
    return _connected(origin["url"], snapshot_id, None, origin["cache"] or None, origin["offline"])


def _require_same(bars: Snapshot, held: Snapshot) -> None:
    if bars.identity != held.identity:
        raise BadRequest(
            f"The bars are of another snapshot {bars.snapshot_id!r} than this warehouse publishes under that id: "
            "read them again from this client."
        )


def _require_no_instruments(dataset: str | None, instruments: Names | None) -> None:
    if dataset == "fear_greed" and instruments is not None:
        raise BadRequest("Fear & Greed has no instruments: leave `instruments` out.")


def _allowed(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadRequest(f"{name} is {value!r}; allowed: {', '.join(allowed)}.")
