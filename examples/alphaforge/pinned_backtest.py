"""The same small backtest run twice on one pinned snapshot: through the SDK, and with plain SQL on marts.v_bars.

Reads MDW_CLICKHOUSE_URL, else the embedded server of MDW_HOME, as the researcher. Without an id: the newest
snapshot, whose id is printed so that you can pin it.
"""

import argparse
import sys

import bt
import clickhouse_connect
import pandas as pd

import alphaforge_data
from alphaforge_data.address import find

INSTRUMENT = "binance:spot:BTC/USDT"
FAST, SLOW = 24, 96

SQL = """
select open_time, close
from marts.v_bars
where snapshot_id = {snapshot_id:String}
  and instrument_id = {instrument_id:String} and timeframe = '1h'
  and open_time >= {start:DateTime64(3, 'UTC')} and open_time < {end:DateTime64(3, 'UTC')}
order by open_time
"""


def by_sdk(client: alphaforge_data.Client, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Hourly closes through the SDK: Arrow end to end, cached, and the table names its snapshot."""
    bars = client.bars(instruments=INSTRUMENT, timeframe="1h", start=start, end=end, columns=["open_time", "close"])
    return bars.to_pandas().set_index("open_time")["close"]


def by_sql(snapshot_id: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """The same closes with plain SQL, for any ClickHouse client: the condition on snapshot_id is the pin."""
    server = find()
    sql = clickhouse_connect.get_client(
        host=server.host, port=server.port, username=server.user, password=server.password, secure=server.secure
    )
    values = {"snapshot_id": snapshot_id, "instrument_id": INSTRUMENT, "start": start, "end": end}
    table = sql.query_arrow(SQL, parameters=values)
    return table.to_pandas().set_index("open_time")["close"]


def crossover(close: pd.Series) -> float:
    """Total return of holding while the fast mean is above the slow one, at 10 basis points per trade."""
    prices = close.rename("BTC").to_frame()
    # Decided on one bar, traded at the close of the next.
    holds = (prices.rolling(FAST).mean() > prices.rolling(SLOW).mean()).shift(1, fill_value=False).astype(float)
    changes = holds[holds["BTC"].diff() != 0]
    strategy = bt.Strategy("crossover", [bt.algos.WeighTarget(changes * 0.99), bt.algos.Rebalance()])
    test = bt.Backtest(
        strategy,
        prices,
        commissions=lambda quantity, price: abs(quantity) * price * 0.001,
        integer_positions=False,
        progress_bar=False,
    )
    test.run()
    return float(test.strategy.values.iloc[-1] / test.initial_capital - 1)


def main(snapshot_id: str | None) -> int:
    """Run both and compare; returns 0 if they agree."""
    with alphaforge_data.connect(snapshot_id=snapshot_id) as client:
        snapshot = client.snapshot()
        reach = client.extent(instruments=INSTRUMENT, timeframe="1h", snapshot_id=snapshot.snapshot_id).to_pylist()[0]
        if not reach["bars"]:
            print(f"Snapshot {snapshot.snapshot_id} has no 1h bars of {INSTRUMENT}.")
            return 1
        start, end = reach["first_open_time"], reach["last_close_time"]
        print(f"snapshot {snapshot.snapshot_id}, data version {snapshot.data_version}")
        holes = client.gaps(
            instruments=INSTRUMENT, timeframe="1h", start=start, end=end, snapshot_id=snapshot.snapshot_id
        )
        print(f"{reach['bars']} bars of {INSTRUMENT}, {start} to {end}, {holes.num_rows} holes")
    with alphaforge_data.connect(snapshot_id=snapshot.snapshot_id) as pinned:
        results = crossover(by_sdk(pinned, start, end)), crossover(by_sql(snapshot.snapshot_id, start, end))
    print(f"total return  SDK {results[0]:+.6%}   SQL {results[1]:+.6%}   equal: {results[0] == results[1]}")
    return 0 if results[0] == results[1] else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("snapshot_id", nargs="?", help="the pin; default: the newest snapshot")
    return parser.parse_args()


if __name__ == "__main__":
    chosen = arguments()
    try:
        sys.exit(main(chosen.snapshot_id))
    except alphaforge_data.AlphaforgeDataError as error:
        sys.exit(f"failed: {error}")
