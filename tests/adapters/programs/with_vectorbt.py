"""A moving average crossover in vectorbt on the pin."""

import json

import vectorbt as vbt

import alphaforge_data
from alphaforge_data.adapters import vectorbt

client = alphaforge_data.connect(snapshot_id="pin")
bars = client.bars(["BTC/USDT", "ETH/USDT"], "15m", venue="binance")
close = vectorbt.data(bars).get("Close")
fast, slow = vbt.MA.run(close, 10, short_name="fast"), vbt.MA.run(close, 50, short_name="slow")
portfolio = vbt.Portfolio.from_signals(
    close, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), init_cash=10_000, fees=0.001, freq="15min"
)
print(
    json.dumps(
        {
            "columns": list(close.columns),
            "rows": len(close),
            "zone": str(close.index.tz),
            "last": close.iloc[-1].tolist(),
            "trades": int(portfolio.trades.count().sum()),
            "values": portfolio.final_value().tolist(),
        }
    )
)
