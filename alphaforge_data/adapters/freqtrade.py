"""Bars and funding in freqtrade's data format, for `freqtrade backtesting` on a pinned snapshot.

The files are those of freqtrade's data handler for feather (documentation of freqtrade, "Data Downloading"):
`<folder>/BTC_USDT-1h.feather` for spot, `<folder>/futures/BTC_USDT_USDT-1h-futures.feather` for perpetuals.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import feather

from alphaforge_data.adapters import tables
from alphaforge_data.errors import BadRequest
from alphaforge_data.frame import Frame

_FIELDS = ("open", "high", "low", "close", "volume")


def write(bars: Frame, folder: str | Path) -> list[Path]:
    """Write the bars of each instrument as the candles that freqtrade would have downloaded; returns the files.

    Parameters
    ----------
    bars : Frame
        Read with `columns="all"`, of one venue: freqtrade has one folder per venue.
    folder : path
        Such as `user_data/data/binance`, freqtrade's `--datadir`.

    Raises
    ------
    BadRequest, MissingBars
        For bars of several venues; for null prices.

    Examples
    --------
    >>> write(client.bars("BTC/USDT", "1h", venue="binance", columns="all"), "user_data/data/binance")  # doctest: +SKIP
    """
    found = tables.by_instrument(bars, ("venue", "market", "symbol", "timeframe"))
    venues = {tables.constant(table, "venue") for table in found.values()}
    if len(venues) > 1:
        raise BadRequest(f"These bars are of {', '.join(sorted(venues))}; freqtrade has one folder per venue.")
    files = []
    for table in found.values():
        market, symbol, timeframe = (tables.constant(table, name) for name in ("market", "symbol", "timeframe"))
        path = _path(Path(folder), market, symbol, f"{timeframe}-futures" if market == "perp" else timeframe)
        columns = {name: table[name] for name in _FIELDS[:4]}
        _write(path, table["open_time"], columns | {"volume": pc.fill_null(table["volume"], 0.0)})
        files.append(path)
    return files


def write_funding(
    funding: Frame, folder: str | Path, timeframe: str = "1h", *, bars: Frame | None = None
) -> list[Path]:
    """Write funding rates and their mark prices, for backtests of perpetuals; returns the files.

    Parameters
    ----------
    funding : Frame
        The result of Client.funding with its default columns, of one venue.
    folder : path
        Such as `user_data/data/binance`, freqtrade's `--datadir`.
    timeframe : str
        The one that freqtrade uses for both at this venue (1h in its newer versions).
    bars : Frame, optional
        Bars of the same perpetuals. Their open at the time of a payment is used where the venue reports no mark price,
        as OKX. freqtrade charges a payment only if it has a mark candle at its time.

    Raises
    ------
    BadRequest
        For payments without a mark price and without a bar at their time: freqtrade would not charge them, or would
        charge them at the price of an earlier payment.
    """
    needed = {"instrument_id", "funding_time", "funding_rate", "mark_price"}
    if not isinstance(funding, Frame) or needed - set(funding.column_names) or not len(funding):
        raise BadRequest("funding must be a Frame, as Client.funding returns it, with its usual columns and rows.")
    table = funding.to_arrow()
    names = table["instrument_id"].cast(pa.string())
    ids = names.unique().to_pylist()
    if len({one.split(":")[0] for one in ids}) > 1:
        raise BadRequest(f"These payments are of {', '.join(ids)}; freqtrade has one folder per venue.")
    opens = {} if bars is None else tables.by_instrument(bars)
    files = []
    for one in ids:
        paid = table.filter(pc.equal(names, one))
        # The format of candles with the rate in `open`, which newer versions convert when they read it.
        for kind, value in (("funding_rate", paid["funding_rate"]), ("mark", _marks(paid, one, opens.get(one)))):
            path = _path(Path(folder), "perp", one.split(":", 2)[2], f"{timeframe}-{kind}")
            _write(path, paid["funding_time"], dict.fromkeys(_FIELDS[:4], value) | {"volume": pc.multiply(value, 0.0)})
            files.append(path)
    return files


def _marks(paid: pa.Table, instrument: str, bars: pa.Table | None) -> pa.ChunkedArray:
    """The mark price of each payment, else the open of the bar that begins at its time."""
    marks = paid["mark_price"]
    if bars is not None:
        position = pc.index_in(paid["funding_time"], bars["open_time"].cast(paid["funding_time"].type))
        marks = pc.coalesce(marks, bars["open"].take(position))
    unknown = paid.filter(pc.is_null(marks))["funding_time"].to_pylist()
    if unknown:
        raise BadRequest(
            f"{len(unknown)} payments of {instrument} have no mark price, the first at {unknown[0].isoformat()}; "
            "freqtrade would not charge them. Pass bars=, the perpetual's bars: their open at that time is used."
        )
    return marks


def _path(folder: Path, market: str, symbol: str, ending: str) -> Path:
    base, quote = symbol.split("/")
    if market == "perp":
        return folder / "futures" / f"{base}_{quote}_{quote}-{ending}.feather"
    return folder / f"{base}_{quote}-{ending}.feather"


def _write(path: Path, instants: pa.ChunkedArray, columns: dict[str, pa.ChunkedArray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"date": instants.cast(pa.timestamp("ms", "UTC")), **columns})
    feather.write_feather(table, str(path), compression="lz4")
