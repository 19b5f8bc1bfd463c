"""The same strategy in backtesting.py on the pin."""

import json
import warnings

import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

import alphaforge_data
from alphaforge_data.adapters import backtesting

warnings.simplefilter("ignore")


def mean(values, length):
    return pd.Series(values).rolling(length).mean()


class Cross(Strategy):
    def init(self):
        self.fast = self.I(mean, self.data.Close, 10)
        self.slow = self.I(mean, self.data.Close, 50)

    def next(self):
        if crossover(self.fast, self.slow):
            self.buy(size=0.9)
        elif crossover(self.slow, self.fast):
            self.position.close()


client = alphaforge_data.connect(snapshot_id="pin")
bars = client.bars("ETH/USDT", "15m", venue="binance")
frame = backtesting.frame(bars)
result = Backtest(frame, Cross, cash=1_000_000, commission=0.001, finalize_trades=True).run()
print(
    json.dumps(
        {
            "rows": len(frame),
            "first": [str(frame.index[0]), *frame.iloc[0].tolist()],
            "trades": int(result["# Trades"]),
            "final": float(result["Equity Final [$]"]),
        }
    )
)
