"""Write freqtrade's data folder from the pin: spot, or a perpetual with its funding."""

import json
import sys
from typing import Any

import alphaforge_data
from alphaforge_data.adapters import freqtrade

client = alphaforge_data.connect(snapshot_id="pin")
market: Any = sys.argv[1]
folder = sys.argv[2]
bars = client.bars("BTC/USDT", "1h", venue="binance", market=market, columns="all")
files = freqtrade.write(bars, folder)
if market == "perp":
    files += freqtrade.write_funding(client.funding("BTC/USDT", venue="binance"), folder)
print(json.dumps({"files": [str(path) for path in files], "rows": len(bars)}))
