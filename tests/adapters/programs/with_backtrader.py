"""Feeds of two timeframes in backtrader on the pin: hours resampled by backtrader, and those of the warehouse."""

import datetime
import json
from typing import Any

import backtrader as bt

import alphaforge_data
from alphaforge_data.adapters import backtrader

client = alphaforge_data.connect(snapshot_id="pin")
window: dict[str, Any] = {"venue": "binance", "columns": "all"}


class Watch(bt.Strategy):
    def __init__(self):
        self.hours, self.ours, self.early = {}, {}, 0

    def next(self):
        minute, theirs, ours, day = self.datas
        for data, found in ((theirs, self.hours), (ours, self.ours)):
            # backtrader stamps an hour that it resampled with its end, and a given one with its last millisecond.
            ended = round(bt.num2date(data.datetime[0]).replace(tzinfo=datetime.UTC).timestamp() / 3600)
            found[ended] = [data.open[0], data.high[0], data.low[0], data.close[0], data.volume[0]]
        # A longer bar must not appear before its last minute.
        for longer in (ours, day):
            self.early += len(longer) > 0 and longer.datetime.datetime(0) > minute.datetime.datetime(0)


cerebro = bt.Cerebro()
minutes = backtrader.feed(client.bars("BTC/USDT", "1m", "2025-01-01", "2025-01-04", **window))
cerebro.adddata(minutes)
cerebro.resampledata(
    backtrader.feed(client.bars("BTC/USDT", "1m", "2025-01-01", "2025-01-04", **window)),
    timeframe=bt.TimeFrame.Minutes,
    compression=60,
)
cerebro.adddata(backtrader.feed(client.bars("BTC/USDT", "1h", "2025-01-01", "2025-01-04", **window)))
cerebro.adddata(backtrader.feed(client.bars("BTC/USDT", "1d", "2025-01-01", "2025-01-04", **window)))
cerebro.addstrategy(Watch)
(strategy,) = cerebro.run(runonce=False)
print(
    json.dumps(
        {
            "theirs": strategy.hours,
            "ours": strategy.ours,
            "early": strategy.early,
            "minutes": len(strategy.datas[0]),
            "days": len(strategy.datas[3]),
        }
    )
)
