"""Instruments and bars for nautilus_trader, through its ParquetDataCatalog.

Instrument ids are those of nautilus_trader's own venue adapters (its documentation, "Integrations"): BTCUSDT.BINANCE,
BTCUSDT-PERP.BINANCE, BTC-USDT-SWAP.OKX, BTCUSDT-SPOT.BYBIT. Bars carry the time at which they closed. All sizes are in
base units, those of OKX perpetuals included, with a multiplier of 1.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data import timeframes
from alphaforge_data.adapters import tables
from alphaforge_data.errors import BadRequest
from alphaforge_data.frame import Frame

# The maximum of nautilus_trader's default build.
_MAX_DECIMALS = 16
# Integers below this are exact as doubles.
_EXACT = 2**53
_ENDINGS = {("binance", "perp"): "-PERP", ("bybit", "spot"): "-SPOT", ("bybit", "perp"): "-LINEAR"}


def write(bars: Frame, states: Frame, folder: str | Path, **fees: Decimal) -> list[str]:
    """Write instruments and bars into the catalog at `folder`.

    Parameters
    ----------
    bars : Frame
        Read with `columns="all"`, of one timeframe.
    states : Frame
        The result of Client.instruments for these instruments at the same snapshot: one state of each.
    folder : path
        The catalog; created if it does not exist.
    **fees : Decimal
        `maker_fee`, `taker_fee`, `margin_init`, `margin_maint` of the instruments. The warehouse has no fees.

    Returns
    -------
    list of str
        The bar types, such as 'BTCUSDT.BINANCE-1-HOUR-LAST-EXTERNAL'.

    Raises
    ------
    BadRequest, MissingBars
        For values that the library cannot represent; for null prices.

    Examples
    --------
    >>> write(client.bars("BTC/USDT", "1h", venue="okx", columns="all"),
    ...       client.instruments(symbol="BTC/USDT", venue="okx"), "catalog")   # doctest: +SKIP
    """
    from nautilus_trader.model.data import BarType
    from nautilus_trader.persistence.catalog import ParquetDataCatalog

    found = tables.by_instrument(bars, ("close_time", "timeframe"))
    if not isinstance(states, Frame) or states.snapshot.identity != bars.snapshot.identity:
        raise BadRequest("states must be the result of Client.instruments at the snapshot of the bars.")
    Path(folder).mkdir(parents=True, exist_ok=True)
    catalog = ParquetDataCatalog(str(folder))
    names = []
    for one, table in found.items():
        made = _instrument(_state(states, one), table, fees)
        kind = BarType.from_str(f"{made.id}-{_length(tables.constant(table, 'timeframe'))}-LAST-EXTERNAL")
        catalog.write_data([made])
        catalog.write_data(_bars(kind, made, table))
        names.append(str(kind))
    return names


def _bars(kind: Any, instrument: Any, table: pa.Table) -> list[Any]:
    """Bars by nautilus_trader's wrangler, which does not accept read-only arrays, such as those of pandas."""
    from nautilus_trader.model.data import Bar
    from nautilus_trader.model.objects import Price, Quantity

    prices, sizes = instrument.price_precision, instrument.size_precision
    columns = [
        *(_exact(Price, table[name].to_pylist(), prices) for name in tables.PRICES),
        _exact(Quantity, pc.fill_null(table["volume"], 0.0).to_pylist(), sizes),
        [moment * 1_000_000 for moment in table["close_time"].cast(pa.int64()).to_pylist()],
    ]
    return [Bar(kind, *fields, at, at) for *fields, at in zip(*columns, strict=True)]


def _exact(kind: Any, values: Sequence[float], places: int) -> list[Any]:
    """Prices or quantities with exactly the decimals of the values."""
    if max(values, default=0.0) * 10**places < _EXACT:
        return [kind(value, places) for value in values]
    # From a double nautilus_trader would make 71.9458499999999872 of 71.94585 with 16 places.
    return [kind.from_str(f"{Decimal(repr(value)):.{places}f}") for value in values]


def _state(states: Frame, instrument: str) -> Mapping[str, Any]:
    table = states.to_arrow()
    rows = table.filter(pc.equal(table["instrument_id"].cast(pa.string()), instrument)).to_pylist()
    if len(rows) != 1:
        raise BadRequest(f"states has {len(rows)} rows of {instrument}; pass one: read without history.")
    state: Mapping[str, Any] = rows[0]
    return state


def _instrument(state: Mapping[str, Any], bars: pa.Table, fees: Mapping[str, Decimal]) -> Any:
    """The instrument, precise enough for every price and volume of the bars, which may predate today's tick size."""
    from nautilus_trader.model.identifiers import InstrumentId, Symbol
    from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair
    from nautilus_trader.model.objects import Currency, Price, Quantity

    ending = _ENDINGS.get((state["venue"], state["market"]), "")
    opened = bars["open_time"][0].as_py()
    prices = _decimals(state["tick_size"], *(bars[name] for name in tables.PRICES))
    sizes = _decimals(state["lot_size_base"], bars["volume"])
    smallest = state["min_qty_base"]
    settings: dict[str, Any] = {
        "instrument_id": InstrumentId.from_str(f"{state['venue_symbol']}{ending}.{state['venue'].upper()}"),
        "raw_symbol": Symbol(state["venue_symbol"]),
        "base_currency": Currency.from_str(state["base"]),
        "quote_currency": Currency.from_str(state["quote"]),
        "price_precision": prices,
        "size_precision": sizes,
        "price_increment": _exact(Price, [state["tick_size"] or 10.0**-prices], prices)[0],
        "size_increment": _exact(Quantity, [state["lot_size_base"] or 10.0**-sizes], sizes)[0],
        "min_quantity": smallest and _exact(Quantity, [smallest], sizes)[0],
        "ts_event": int(opened.timestamp()) * 1_000_000_000,
        "ts_init": int(opened.timestamp()) * 1_000_000_000,
        "info": {"instrument_id": state["instrument_id"]},
        **fees,
    }
    if state["market"] == "perp":
        settle = Currency.from_str(state["settle"] or state["quote"])
        return CryptoPerpetual(**settings, settlement_currency=settle, is_inverse=False)
    return CurrencyPair(**settings)


def _decimals(step: float | None, *columns: pa.ChunkedArray) -> int:
    """Number of decimals that represents the step and every value exactly as the venue did."""
    texts = {repr(value) for column in columns for value in column.drop_null().unique().to_pylist()}
    count = max(map(_places, texts), default=0)
    if count > _MAX_DECIMALS:
        raise BadRequest(f"A value has {count} decimals; nautilus_trader supports {_MAX_DECIMALS}.")
    return max(count, _places(repr(step)) if step else 0)


def _places(text: str) -> int:
    return max(0, -int(Decimal(text).normalize().as_tuple().exponent))


def _length(timeframe: str) -> str:
    minutes = timeframes.length(timeframe) // timeframes.MINUTE
    # nautilus_trader accepts only steps that divide the next larger unit.
    for name, unit, larger in (("MINUTE", 1, 60), ("HOUR", 60, 24), ("DAY", 1440, 1), ("WEEK", 10080, 1)):
        count, rest = divmod(minutes, unit)
        if not rest and count and (count == 1 or (count < larger and larger % count == 0)):
            return f"{count}-{name}"
    raise BadRequest(
        f"timeframe is {timeframe!r}; nautilus_trader has bars of minutes that divide an hour, of hours that divide a "
        "day, of one day and of one week."
    )
