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


def write_funding(funding: Frame, folder: str | Path, timeframe: str = "1h") -> list[Path]:
    """Write funding rates and their mark prices, for backtests of perpetuals; returns the files.

    `timeframe`: the one that freqtrade uses for both at this venue (1h in its newer versions). Payments without a mark
    price get no mark candle: set `futures_funding_rate` in freqtrade's configuration for those.
    """
    if not isinstance(funding, Frame) or {"instrument_id", "funding_time", "funding_rate"} - set(funding.column_names):
        raise BadRequest("funding must be a Frame, as Client.funding returns it, with its usual columns.")
    table = funding.to_arrow()
    names = table["instrument_id"].cast(pa.string())
    files = []
    for one in names.unique().to_pylist():
        paid = table.filter(pc.equal(names, one))
        symbol = one.split(":", 2)[2]
        # The format of candles with the rate in `open`, which newer versions convert when they read it.
        kinds = {"funding_rate": paid}
        if "mark_price" in paid.column_names:
            kinds["mark"] = paid.filter(pc.is_valid(paid["mark_price"]))
        for kind, rows in kinds.items():
            value = rows["mark_price" if kind == "mark" else "funding_rate"]
            path = _path(Path(folder), "perp", symbol, f"{timeframe}-{kind}")
            _write(path, rows["funding_time"], dict.fromkeys(_FIELDS[:4], value) | {"volume": pc.multiply(value, 0.0)})
            files.append(path)
    return files


def _path(folder: Path, market: str, symbol: str, ending: str) -> Path:
    base, quote = symbol.split("/")
    if market == "perp":
        return folder / "futures" / f"{base}_{quote}_{quote}-{ending}.feather"
    return folder / f"{base}_{quote}-{ending}.feather"


def _write(path: Path, instants: pa.ChunkedArray, columns: dict[str, pa.ChunkedArray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"date": instants.cast(pa.timestamp("ms", "UTC")), **columns})
    feather.write_feather(table, str(path), compression="lz4")
