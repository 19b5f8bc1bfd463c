"""Valid and invalid calls for type checkers (`make lint`): every invalid one has an ignore, and an unused ignore is an
error.

Nothing here runs.
"""

import datetime as dt

import numpy as np
import pandas as pd

import alphaforge_data
from alphaforge_data import Client, aio


def right(client: Client, config: str) -> None:
    """What mypy and pyright must accept."""
    alphaforge_data.connect("https://host:8443", snapshot_id="demo", cache="folder")
    alphaforge_data.connect(as_of=dt.date(2025, 6, 20))
    alphaforge_data.connect(snapshot_id="demo", offline=True)
    client.bars("BTC/USDT", "4h", "2025-06-20", dt.datetime(2025, 7, 1, tzinfo=dt.UTC), venue="okx", gaps="ffill")
    client.bars(["BTC/USDT"], "1d", dt.date(2025, 6, 20), pd.Timestamp("2025-07-01T00:00Z"), venue=["okx", "binance"])
    client.bars(instruments=("okx:spot:BTC/USDT",), start=np.datetime64("2025-06-20"), columns="all", partial="raise")
    client.bars("BTC/USDT", alphaforge_data.timeframe(config), venue="okx", columns=["open_time", "close"])
    client.panel("close", ["BTC/USDT"], venue="okx", market="perp")
    for frame in client.iter_bars("BTC/USDT", "1m", venue="okx", chunk="week"):
        frame.to_pandas(index="open_time")
    client.with_instruments(client.with_funding(client.bars("BTC/USDT", venue="okx", columns="all")))
    client.series("bars")
    client.condition("funding", start="2025-06-20")
    client.diff("a", "b", dataset="fear_greed")
    client.instruments(columns=["instrument_id", "lot_size_base"], at="2025-06-20")
    client.bars(pd.Series(["BTC/USDT"]), venue=np.array(["okx"]))
    client.panel("close", None, "1h", "2025-06-20", instruments=["okx:spot:BTC/USDT"], partial="keep")
    client.funding(instruments="okx:perp:BTC/USDT", columns="all")
    alphaforge_data.snapshot_of(client.bars("BTC/USDT", venue="okx").to_pandas())


async def right_awaited() -> None:
    """The same for coroutines."""
    client = await aio.connect(snapshot_id="demo")
    frame = await client.bars("BTC/USDT", "1h", venue="okx")
    frame.to_arrow()
    async for piece in client.iter_bars("BTC/USDT", "1m", venue="okx", chunk="week"):
        piece.to_numpy()
    await aio.connect(snapshot_id="demo", offline=True)
    await aio.connect(as_of=dt.date(2025, 6, 20))
    await client.panel("close", instruments=["okx:spot:BTC/USDT"])
    client.live.follow("BTC/USDT", venue="okx", every=0.1)


def wrong(client: Client, config: str) -> None:
    """What raises at run time and must therefore be refused by type checkers."""
    alphaforge_data.connect(offline=True)  # type: ignore
    alphaforge_data.connect(snapshot_id="demo", as_of="2025-06-20")  # type: ignore
    alphaforge_data.connect(snapshot_id="demo", cache=False, offline=True)  # type: ignore
    alphaforge_data.connect(7)  # type: ignore
    client.bars("BTC/USDT", "5 min", venue="okx")  # type: ignore
    client.bars("BTC/USDT", config, venue="okx")  # type: ignore
    client.bars("BTC/USDT", "1h", 1735689600, venue="okx")  # type: ignore
    client.bars("BTC/USDT", "1h", "2025-06-20", 1.5, venue="okx")  # type: ignore
    client.bars("BTC/USDT", "1h", venue="okx", market="futures")  # type: ignore
    client.bars("BTC/USDT", "1h", venue="okx", gaps="fill")  # type: ignore
    client.bars("BTC/USDT", "1h", venue="okx", partial=True)  # type: ignore
    client.bars("BTC/USDT", "1h", venue="okx", columns=["vwap"])  # type: ignore
    client.bars([1], "1h", venue="okx")  # type: ignore
    client.panel("all", "BTC/USDT", venue="okx")  # type: ignore
    client.panel(["close"], "BTC/USDT", venue="okx")  # type: ignore
    client.iter_bars("BTC/USDT", venue="okx", chunk="hour")  # type: ignore
    client.funding("BTC/USDT", venue="okx", columns="rate")  # type: ignore
    client.instruments(columns=["lots"])  # type: ignore
    client.fear_greed(20250620)  # type: ignore
    client.series("trades")  # type: ignore
    client.condition("instruments")  # type: ignore
    client.diff("a", "b", dataset="trades")  # type: ignore
    client.snapshots("ten")  # type: ignore
    client.gaps("BTC/USDT", "1 h", venue="okx")  # type: ignore
    client.extent("BTC/USDT", "2w", venue="okx")  # type: ignore
    client.with_funding("bars")  # type: ignore
    client.sql(["select 1"])  # type: ignore
    client.bars("BTC/USDT", venue="okx").to_pandas(index=0)  # type: ignore
    alphaforge_data.connect(cache=None)  # type: ignore
    client.bars("BTC/USDT")  # type: ignore
    client.bars(venue="okx")  # type: ignore
    client.bars()  # type: ignore
    client.bars("BTC/USDT", "1h", venue="okx", instruments="okx:spot:BTC/USDT")  # type: ignore
    client.bars(instruments="okx:spot:BTC/USDT", venue="okx")  # type: ignore
    client.panel("close", "BTC/USDT")  # type: ignore
    client.iter_bars("BTC/USDT")  # type: ignore
    client.gaps("BTC/USDT")  # type: ignore
    client.extent("BTC/USDT")  # type: ignore
    client.funding("BTC/USDT")  # type: ignore
    client.live.bars("BTC/USDT")  # type: ignore
    client.live.quotes("BTC/USDT")  # type: ignore
    client.live.follow("BTC/USDT")  # type: ignore
    alphaforge_data.live.replay(client).follow("BTC/USDT")  # type: ignore
    alphaforge_data.concat(client.bars("BTC/USDT", venue="okx"))  # type: ignore


async def wrong_awaited() -> None:
    """The same for coroutines."""
    await aio.connect(offline=True)  # type: ignore
    await aio.connect(snapshot_id="demo", as_of="2025-06-20")  # type: ignore
    await aio.connect(snapshot_id="demo", cache=False, offline=True)  # type: ignore
    client = await aio.connect(snapshot_id="demo")
    await client.bars("BTC/USDT", "5 min", venue="okx")  # type: ignore
    await client.bars("BTC/USDT", "1h", venue="okx", gaps="fill")  # type: ignore
    await client.bars("BTC/USDT")  # type: ignore
    await client.panel("close", "BTC/USDT")  # type: ignore
    client.iter_bars("BTC/USDT")  # type: ignore
