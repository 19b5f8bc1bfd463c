"""Feeds of two timeframes in backtrader on the pin: hours resampled by backtrader beside those of the warehouse."""

import json

import backtrader as bt

import alphaforge_data
from alphaforge_data.adapters import backtrader

client = alphaforge_data.connect(snapshot_id="pin")
window = {"venue": "binance", "columns": "all"}


class Watch(bt.Strategy):
    def __init__(self):
        self.hours, self.ours, self.early = [], [], 0
        self.seen = [0, 0, 0]

    def next(self):
        minute, theirs, ours, day = self.datas
        if len(theirs) > self.seen[0]:
            self.hours.append([theirs.open[0], theirs.high[0], theirs.low[0], theirs.close[0], theirs.volume[0]])
        if len(ours) > self.seen[1]:
            self.ours.append([ours.open[0], ours.high[0], ours.low[0], ours.close[0], ours.volume[0]])
        # A bar that is longer must not be there before its last minute.
        for longer in (ours, day):
            self.early += len(longer) > 0 and longer.datetime.datetime(0) > minute.datetime.datetime(0)
        self.seen = [len(theirs), len(ours), len(day)]


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
