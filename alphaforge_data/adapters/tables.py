"""Shared by all adapters: splits bars by instrument and checks for data that a library would silently misuse."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alphaforge_data.errors import BadRequest, MissingBars
from alphaforge_data.frame import Frame

PRICES = ("open", "high", "low", "close")


def by_instrument(bars: Frame, columns: Sequence[str] = ()) -> dict[str, pa.Table]:
    """One table per instrument, oldest bar first. `columns`: needed in addition to those of every bar.

    Raises BadRequest if there are no bars, if a column is missing, or if the bars of an instrument are not in order of
    time, each once; MissingBars if a price is null, as after `gaps="null"`.
    """
    if not isinstance(bars, Frame):
        raise BadRequest(f"bars is a {type(bars).__name__}; pass a Frame, as Client.bars returns it.")
    table = bars.to_arrow()
    lacking = [
        name for name in ("instrument_id", "open_time", *PRICES, "volume", *columns) if name not in table.column_names
    ]
    if lacking:
        raise BadRequest(f"These bars lack {', '.join(lacking)}: read them with columns='all'.")
    if not table.num_rows:
        raise BadRequest("There are no bars in this frame.")
    unknown = sum(table[name].null_count for name in PRICES)
    if unknown:
        raise MissingBars(
            f"{unknown} prices are null: read the bars with gaps='keep', 'ffill' or 'raise' instead of 'null', or from "
            "a time when each series had a bar."
        )
    names = table["instrument_id"].cast(pa.string())
    found = {one: table.filter(pc.equal(names, one)) for one in names.unique().to_pylist()}
    for one, rows in found.items():
        opened = rows["open_time"].cast(pa.int64()).to_numpy()
        if (opened[1:] <= opened[:-1]).any():
            raise BadRequest(f"The bars of {one} are not in order of open_time, each once: read them in one call.")
    return found


def only(bars: Frame, columns: Sequence[str] = ()) -> pa.Table:
    """The bars of a single instrument. Raises BadRequest if there are several or none."""
    found = by_instrument(bars, columns)
    if len(found) != 1:
        raise BadRequest(f"These bars are of {len(found)} instruments; this library needs those of one: read one.")
    return next(iter(found.values()))


def pandas_ohlcv(table: pa.Table, index: str, zone: bool = True) -> Any:
    """A DataFrame of doubles with columns open, high, low, close and volume; a filled bar has volume 0.

    `index`: the column of times; `zone` False: UTC as naive times, for libraries without time zones.
    """
    import pandas as pd

    values = {name: table[name].to_numpy() for name in PRICES}
    values["volume"] = pc.fill_null(table["volume"], 0.0).to_numpy()
    instants = pd.DatetimeIndex(table[index].cast(pa.timestamp("ms")).to_numpy(), name=index)
    return pd.DataFrame(values, index=instants.tz_localize("UTC") if zone else instants)


def constant(table: pa.Table, name: str) -> str:
    """The one value of a column that is the same on every row, such as `timeframe`."""
    values = table[name].unique().to_pylist()
    if len(values) != 1:
        raise BadRequest(f"{name} differs within one series: {', '.join(map(str, values))}; read the bars in one call.")
    return str(values[0])
