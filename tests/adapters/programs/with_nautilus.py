"""Write a catalog of the pin, read it back, and run nautilus_trader's backtest engine on it."""

import json
import tempfile
from decimal import Decimal

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.catalog import ParquetDataCatalog

import alphaforge_data
from alphaforge_data.adapters import nautilus

client = alphaforge_data.connect(snapshot_id="pin")
folder = tempfile.mkdtemp()
fees = {"maker_fee": Decimal("0.0002"), "taker_fee": Decimal("0.0005")}
spot = client.bars(["BTC/USDT", "ETH/USDT"], "5m", venue="binance", columns="all")
perp = client.bars("BTC/USDT", "1h", venue="binance", market="perp", columns="all")
states = client.instruments(venue="binance")
names = nautilus.write(spot, states, folder, **fees) + nautilus.write(perp, states, folder, **fees)

catalog = ParquetDataCatalog(folder)
read = {str(one.id): one for one in catalog.instruments()}
bars = {name: catalog.bars(bar_types=[name]) for name in names}

engine = BacktestEngine(config=BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
engine.add_venue(Venue("BINANCE"), OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000, USDT)], base_currency=USDT)
perpetual = read["BTCUSDT-PERP.BINANCE"]
engine.add_instrument(perpetual)
engine.add_data(bars[names[2]])
config = EMACrossConfig(
    instrument_id=perpetual.id,
    bar_type=BarType.from_str(names[2]),
    trade_size=Decimal("0.1"),
    fast_ema_period=10,
    slow_ema_period=20,
)
engine.add_strategy(EMACross(config=config))
engine.run()
print(
    json.dumps(
        {
            "names": names,
            "precision": {name: [one.price_precision, one.size_precision] for name, one in read.items()},
            "increments": {name: [str(one.price_increment), str(one.size_increment)] for name, one in read.items()},
            "bars": {
                name: [
                    [bar.ts_event, bar.ts_init, *map(str, (bar.open, bar.high, bar.low, bar.close, bar.volume))]
                    for bar in rows
                ]
                for name, rows in bars.items()
            },
            "orders": engine.get_result().total_orders,
        }
    )
)
